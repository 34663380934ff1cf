//! The list as people read it.

use std::collections::BTreeMap;

use super::{KnownOffer, ModelReport};
use crate::catalog::id::IdKind;
use crate::format::{count, one_line, rough, wrap};

/// Longer names are cut.
const LONGEST_NAME: usize = 40;

/// The headings of the columns; numbers are aligned to the right.
const HEAD: [&str; 7] = ["id", "name", "stream", "in", "out", "context", ""];
const FIGURES: std::ops::Range<usize> = 3..6;

impl ModelReport {
    /// The tables, for a terminal of so many columns or for a file.
    pub(super) fn text(&self, columns: Option<usize>) -> String {
        let known = self.known();
        let all = self.listing.offers.len();
        if known.is_empty() {
            return format!(
                "none of the {} models in {} matches\n",
                count(all as u64),
                self.region
            );
        }
        // ARNs are twice as wide as ids: in one table they would push all else off the screen.
        let of = |own: bool| {
            let rows = known.iter().filter(|known| known.is_own() == own);
            laid_out(rows.map(KnownOffer::row).collect(), columns)
        };
        let tables = [of(false), of(true)].into_iter().flatten();
        let mut text = tables.collect::<Vec<_>>().join("\n");
        let footer = format!(
            "\n{} of {} in {}; USD per million tokens, on demand, by the catalog of 2026-11-22\n",
            count(known.len() as u64),
            count(all as u64),
            self.region
        );
        text += &wrap(&footer, 0, columns);
        for (served_by, models) in served_otherwise(&known) {
            let models = count(models);
            text += &format!("not by InvokeModel ({models}): {served_by}\n");
        }
        if 0 < self.listing.to_be_bought {
            text += &format!(
                "{} more need provisioned throughput\n",
                self.listing.to_be_bought
            );
        }
        text
    }
}

impl KnownOffer<'_> {
    fn row(&self) -> [String; 7] {
        let (input, output) = self.prices();
        let usd = |price: Option<f64>| price.map_or_else(|| "-".to_owned(), price_of_million);
        let context = self.context().map(|tokens| rough(tokens as f64));
        [
            self.offer.id.clone(),
            one_line(&self.offer.name, LONGEST_NAME),
            match self.offer.streaming {
                Some(true) => "yes",
                Some(false) => "no",
                None => "?",
            }
            .to_owned(),
            usd(input),
            usd(output),
            context.unwrap_or_else(|| "-".to_owned()),
            self.remarks().join(", "),
        ]
    }

    /// What one has to know before one types the id.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        match (self.offer.kind, &self.base) {
            (IdKind::Base | IdKind::Profile, _) => {}
            (kind, Some(base)) => remarks.push(format!("{} of {base}", super::word(kind))),
            (kind, None) => remarks.push(super::word(kind).to_owned()),
        }
        match (&self.offer.state, &self.offer.end_of_life) {
            (Some(state), Some(end)) => {
                let day = end.split('T').next().unwrap_or(end);
                remarks.push(format!("{state}, ends {day}"));
            }
            (Some(state), None) => remarks.push(state.clone()),
            (None, _) => {}
        }
        let price = self.facts.map(|facts| facts.unit_price).unwrap_or_default();
        for (price, what) in [(price.made, "an image"), (price.query, "a query")] {
            remarks.extend(price.map(|usd| format!("${usd} {what}")));
        }
        let writes = |what: &str| self.offer.writes.iter().any(|it| it == what);
        if self.served_by().is_some() || writes("SPEECH") || writes("VIDEO") {
            remarks.push("not by InvokeModel".to_owned());
        } else if self.family().is_none() && self.base.is_some() {
            remarks.push("whole bodies only".to_owned());
        }
        remarks
    }
}

/// What serves models that InvokeModel does not reach, and how many of these there are.
fn served_otherwise(known: &[KnownOffer<'_>]) -> BTreeMap<&'static str, u64> {
    let mut served = BTreeMap::new();
    for how in known.iter().filter_map(KnownOffer::served_by) {
        *served.entry(how).or_default() += 1;
    }
    served
}

/// `0.06`, `1`, `37.5`: dollars without the zeros that say nothing.
fn price_of_million(usd: f64) -> String {
    let text = format!("{usd:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The columns that a narrow terminal can do without, the first of them first: the names say what the
/// ids say.
const LEFT_OUT: [usize; 4] = [1, 2, 6, 5];

/// The rows under their heads, with as many columns as fit; nothing if there are no rows.
fn laid_out(rows: Vec<[String; 7]>, columns: Option<usize>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let rows: Vec<_> = std::iter::once(HEAD.map(str::to_owned))
        .chain(rows)
        .collect();
    let wide = |text: &String| text.chars().count();
    let width = |at: usize| rows.iter().map(|row| wide(&row[at])).max().unwrap_or(0);
    let widths: Vec<_> = (0..HEAD.len()).map(width).collect();
    let mut shown: Vec<usize> = (0..HEAD.len()).collect();
    for at in LEFT_OUT {
        let all = shown.iter().map(|at| widths[*at] + 2).sum::<usize>();
        if columns.is_some_and(|columns| columns + 2 < all) {
            shown.retain(|column| *column != at);
        }
    }
    let line = |row: &[String; 7]| {
        let cells = shown.iter().map(|at| (*at, &row[*at])).map(|(at, cell)| {
            let blank = " ".repeat(widths[at] - wide(cell));
            match FIGURES.contains(&at) {
                true => format!("{blank}{cell}"),
                false => format!("{cell}{blank}"),
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    Some(rows.iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_is_shown_fewer_columns() {
        let id = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
        let row = [
            id,
            "US Claude Haiku 4 5 20251001 V1",
            "yes",
            "1.1",
            "5.5",
            "200k",
            "LEGACY",
        ];
        let text = |columns| laid_out(vec![row.map(str::to_owned)], columns).unwrap();
        let whole = text(None);
        assert!(
            whole.contains("US Claude") && whole.contains("LEGACY"),
            "{whole}"
        );
        assert_eq!(text(Some(200)), whole);
        for (columns, missing, kept) in [(80, "US Claude", "LEGACY"), (60, "LEGACY", "5.5")] {
            let text = text(Some(columns));
            assert!(!text.contains(missing) && text.contains(kept), "{text}");
            for line in text.lines() {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn prices_have_the_places_they_need() {
        let prices = [0.06, 1.0, 37.5, 0.035, 0.0].map(price_of_million);
        assert_eq!(prices, ["0.06", "1", "37.5", "0.035", "0"]);
    }
}
