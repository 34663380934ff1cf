//! The terminal below a live view.
//!
//! indicatif fills the last line with blanks up to the right edge. What the terminal itself echoes
//! there, the `^C` of Ctrl-C, goes on in the next line, and the view is then cleared one line too
//! low: its first line stays on the screen for ever. Here the cursor waits at the start of the line
//! below the view, which an echo does not leave, and that line is cleared with the view.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use console::Term;
use indicatif::TermLike;

use crate::stderr;

/// Standard error, with the cursor below what is drawn.
#[derive(Debug)]
pub(super) struct Below<T> {
    inner: T,
    /// Whether the text of a line was written and its filler comes next: indicatif writes both of
    /// every line, and never more.
    fills: AtomicBool,
    /// Whether the cursor is in the line below the view.
    is_below: AtomicBool,
    /// How many columns each line of the view takes.
    widths: Mutex<Vec<usize>>,
    /// Whether the terminal takes what is written.
    is_ready: fn() -> bool,
    /// Whether it did not when it was asked last: nothing is drawn then.
    is_stalled: AtomicBool,
}

impl Below<Term> {
    pub(super) fn stderr() -> Self {
        Self::new(Term::buffered_stderr(), stderr::is_ready)
    }
}

impl<T> Below<T> {
    fn new(inner: T, is_ready: fn() -> bool) -> Self {
        Self {
            inner,
            fills: AtomicBool::new(false),
            is_below: AtomicBool::new(false),
            widths: Mutex::default(),
            is_ready,
            is_stalled: AtomicBool::new(false),
        }
    }

    /// Draws something, unless the view is hidden: what is drawn is kept until it is written.
    fn draw(&self, draw: impl FnOnce(&T) -> io::Result<()>) -> io::Result<()> {
        match self.is_stalled.load(Ordering::Relaxed) {
            true => Ok(()),
            false => draw(&self.inner),
        }
    }

    fn widths(&self) -> MutexGuard<'_, Vec<usize>> {
        self.widths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: TermLike> TermLike for Below<T> {
    fn width(&self) -> u16 {
        self.inner.width()
    }

    fn height(&self) -> u16 {
        self.inner.height()
    }

    /// From below the view, it is a line more to get there. A terminal that became narrower has
    /// wrapped the lines of the view, and they take more rows now: all of these are cleared here.
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        if !self.is_below.swap(false, Ordering::Relaxed) {
            return self.draw(|inner| inner.move_cursor_up(n));
        }
        let columns = usize::from(self.inner.width()).max(1);
        let widths = std::mem::take(&mut *self.widths());
        let rows = widths.iter().map(|width| width.div_ceil(columns).max(1));
        let rows = rows.sum::<usize>().max(n + 1);
        self.draw(|inner| inner.clear_line())?;
        for _ in 0..rows {
            self.draw(|inner| inner.move_cursor_up(1))?;
            self.draw(|inner| inner.clear_line())?;
        }
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.draw(|inner| inner.move_cursor_down(n))
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.draw(|inner| inner.move_cursor_right(n))
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.draw(|inner| inner.move_cursor_left(n))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.draw(|inner| inner.write_line(text))
    }

    /// Writes the text of a line as it is, and ends the line instead of filling it. The lines were
    /// cleared before, so nothing of what stood there is left.
    fn write_str(&self, text: &str) -> io::Result<()> {
        if !self.fills.fetch_xor(true, Ordering::Relaxed) {
            self.widths().push(console::measure_text_width(text));
            return self.draw(|inner| inner.write_str(text));
        }
        self.is_below.store(true, Ordering::Relaxed);
        self.draw(|inner| inner.write_str("\r\n"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw(|inner| inner.clear_line())
    }

    fn flush(&self) -> io::Result<()> {
        let is_stalled = !(self.is_ready)();
        if !is_stalled {
            self.inner.flush()?;
        }
        self.is_stalled.store(is_stalled, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

    use super::*;

    /// A screen as text: its lines, the row and column of the cursor, and how wide it is.
    #[derive(Debug, Clone)]
    struct Screen(Arc<Mutex<Shown>>);

    type Shown = (Vec<String>, usize, usize, usize);

    impl Screen {
        fn of_columns(columns: usize) -> Self {
            Self(Arc::new(Mutex::new((Vec::new(), 0, 0, columns))))
        }

        /// Makes the screen narrower, which wraps its lines; the cursor stays in its line.
        fn narrow(&self, columns: usize) {
            let mut screen = self.0.lock().unwrap();
            let (lines, row, _, width) = &mut *screen;
            *width = columns;
            let mut wrapped = Vec::new();
            let mut cursor = None;
            for (at, line) in lines.iter().enumerate() {
                if at == *row {
                    cursor = Some(wrapped.len());
                }
                let chars: Vec<_> = line.chars().collect();
                let parts = chars.chunks(columns).map(|part| part.iter().collect());
                wrapped.extend(parts);
                if line.is_empty() {
                    wrapped.push(String::new());
                }
            }
            *row = cursor.unwrap_or(wrapped.len());
            *lines = wrapped;
        }

        fn put(&self, text: &str) {
            let mut screen = self.0.lock().unwrap();
            let (lines, row, column, columns) = &mut *screen;
            for c in text.chars() {
                if c == '\r' {
                    *column = 0;
                    continue;
                }
                if c == '\n' || *column == *columns {
                    *row += 1;
                    *column = if c == '\n' { *column } else { 0 };
                }
                lines.resize(lines.len().max(*row + 1), String::new());
                if c != '\n' {
                    let mut line: Vec<_> = lines[*row].chars().collect();
                    line.resize(line.len().max(*column + 1), ' ');
                    line[*column] = c;
                    lines[*row] = line.into_iter().collect::<String>().trim_end().to_owned();
                    *column += 1;
                }
            }
        }

        fn text(&self) -> String {
            self.0.lock().unwrap().0.join("\n").trim_end().to_owned()
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            self.0.lock().unwrap().3 as u16
        }

        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            self.0.lock().unwrap().1 -= n;
            Ok(())
        }

        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            self.0.lock().unwrap().1 += n;
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.put(text);
            self.put("\r\n");
            Ok(())
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.put(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            let mut screen = self.0.lock().unwrap();
            let (lines, row, column, _) = &mut *screen;
            *column = 0;
            if let Some(line) = lines.get_mut(*row) {
                line.clear();
            }
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Draws a view, echoes Ctrl-C, says something and draws the view again.
    #[track_caller]
    fn check(view: &str, then: &str) {
        let screen = Screen::of_columns(20);
        let target = Box::new(Below::new(screen.clone(), || true));
        let bar = ProgressBar::with_draw_target(Some(9), ProgressDrawTarget::term_like(target));
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap());
        bar.set_message(view.to_owned());
        screen.put("^C");
        bar.suspend(|| screen.put("stopping\r\n"));
        bar.set_message(then.to_owned());
        assert_eq!(screen.text(), format!("stopping\n{then}"));
        screen.put("^C");
        bar.finish_and_clear();
        assert_eq!(screen.text(), "stopping");
    }

    #[test]
    fn an_echo_leaves_nothing_of_the_view_behind() {
        check("1 of 9", "2 of 9");
        check("1 of 9\nrates", "2 of 9\nother rates");
        check("1 of 9\nrates", "2 of 9");
        // A line that ends at the right edge.
        check("1 of 9\n01234567890123456789", "2 of 9\nrates");
    }

    #[test]
    fn a_terminal_that_becomes_narrower_keeps_no_fragment_of_the_view() {
        let screen = Screen::of_columns(20);
        screen.put("before\r\n");
        let target = Box::new(Below::new(screen.clone(), || true));
        let bar = ProgressBar::with_draw_target(Some(9), ProgressDrawTarget::term_like(target));
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap());
        bar.set_message("1 of 9 rows, 3 fail\nrates and limits\nmore");
        screen.narrow(8);
        bar.set_message("2 of 9\nrates");
        assert_eq!(screen.text(), "before\n2 of 9\nrates");
        screen.narrow(4);
        bar.finish_and_clear();
        assert_eq!(screen.text(), "befo\nre");
    }
}
