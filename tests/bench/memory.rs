//! Peak memory, by the number of rows.

use crate::broken::Broken;
use crate::report::Report;
use crate::setting::{Form, Ids, Setting};

/// How far above the bare loop promptmill may go.
const MARGIN_KIB: u64 = 64 << 10;

/// What a row of an input with ids adds: its key, for the check for duplicates.
const KEY_BYTES: u64 = 8;

/// What differs from one run to the next: buffers of whatever was in flight at the peak.
const NOISE_KIB: u64 = 4 << 10;

/// Peaks at one size, in KiB.
struct Peaks {
    rows: u64,
    bare: u64,
    plain: u64,
    with_ids: u64,
}

/// Prints the table.
pub(crate) async fn measure(
    setting: &Setting,
    form: &Form,
    report: &mut Report,
) -> Result<(), Broken> {
    let emulator = setting.emulator(0).await?;
    let url = &emulator.url;
    report.title("peak memory, MiB");
    let columns = ["promptmill", "promptmill, with ids", "bare loop"];
    report.row("rows", columns.map(str::to_owned));
    let mut all = Vec::new();
    for &rows in &form.sizes {
        let peaks = Peaks {
            rows,
            bare: setting.bare(url, rows).await?.peak_kib,
            plain: peak(setting, url, rows, Ids::None).await?,
            with_ids: peak(setting, url, rows, Ids::Column).await?,
        };
        let cells = [peaks.plain, peaks.with_ids, peaks.bare];
        report.row(&rows.to_string(), cells.map(mib));
        all.push(peaks);
    }
    judge(&all, report);
    Ok(())
}

async fn peak(setting: &Setting, url: &str, rows: u64, ids: Ids) -> Result<u64, Broken> {
    let input = setting.input(rows, ids)?;
    Ok(setting.run(url, &input, rows).await?.peak_kib)
}

fn judge(all: &[Peaks], report: &mut Report) {
    let (Some(least), Some(most)) = (all.first(), all.last()) else {
        return;
    };
    let above = most.plain.max(most.with_ids).saturating_sub(most.bare);
    report.goal(
        &format!(
            "peak memory less than {} MiB above the bare loop's",
            MARGIN_KIB >> 10
        ),
        &format!("{} MiB above", mib(above)),
        (above < MARGIN_KIB).into(),
    );
    let rows = format!("from {} rows to {}", least.rows, most.rows);
    let grown = most.plain.saturating_sub(least.plain);
    report.goal(
        &format!(
            "no growth of memory {rows}, but for {} MiB of noise",
            NOISE_KIB >> 10
        ),
        &format!("{} MiB", mib(grown)),
        (grown <= NOISE_KIB).into(),
    );
    let grown = most.with_ids.saturating_sub(least.with_ids);
    let keys_kib = (most.rows - least.rows) * KEY_BYTES / 1024;
    report.goal(
        &format!("{KEY_BYTES} bytes a row {rows} where there are ids"),
        &format!("{} MiB of {} and noise", mib(grown), mib(keys_kib)),
        (grown <= keys_kib + NOISE_KIB).into(),
    );
}

fn mib(kib: u64) -> String {
    format!("{:.1}", kib as f64 / 1024.0)
}
