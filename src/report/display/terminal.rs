//! The terminal below a live view.
//!
//! indicatif fills the last line with blanks up to the right edge. What the terminal itself echoes
//! there, the `^C` of Ctrl-C, goes on in the next line, and the view is then cleared one line too
//! low: its first line stays on the screen for ever. Here the cursor waits at the start of the line
//! below the view, which an echo does not leave, and that line is cleared with the view.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use indicatif::TermLike;

/// Standard error, with the cursor below what is drawn.
#[derive(Debug)]
pub(super) struct Below<T> {
    inner: T,
    /// Whether the text of a line was written and its filler comes next: indicatif writes both of
    /// every line, and never more.
    fills: AtomicBool,
    /// Whether the cursor is in the line below the view.
    is_below: AtomicBool,
}

impl Below<Term> {
    pub(super) fn stderr() -> Self {
        Self::new(Term::buffered_stderr())
    }
}

impl<T> Below<T> {
    fn new(inner: T) -> Self {
        Self {
            inner,
            fills: AtomicBool::new(false),
            is_below: AtomicBool::new(false),
        }
    }
}

impl<T: TermLike> TermLike for Below<T> {
    fn width(&self) -> u16 {
        self.inner.width()
    }

    fn height(&self) -> u16 {
        self.inner.height()
    }

    /// From below the view, it is a line more to get there.
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        if !self.is_below.swap(false, Ordering::Relaxed) {
            return self.inner.move_cursor_up(n);
        }
        self.inner.clear_line()?;
        self.inner.move_cursor_up(n + 1)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.inner.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.inner.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.inner.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.inner.write_line(text)
    }

    /// Writes the text of a line as it is, and ends the line instead of filling it. The lines were
    /// cleared before, so nothing of what stood there is left.
    fn write_str(&self, text: &str) -> io::Result<()> {
        if !self.fills.fetch_xor(true, Ordering::Relaxed) {
            return self.inner.write_str(text);
        }
        self.is_below.store(true, Ordering::Relaxed);
        self.inner.write_str("\r\n")
    }

    fn clear_line(&self) -> io::Result<()> {
        self.inner.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

    use super::*;

    /// A screen of 20 columns, as text: what stands in its lines, and where the cursor is.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<(Vec<String>, usize, usize)>>);

    impl Screen {
        fn put(&self, text: &str) {
            let mut screen = self.0.lock().unwrap();
            let (lines, row, column) = &mut *screen;
            for c in text.chars() {
                if c == '\r' {
                    *column = 0;
                    continue;
                }
                if c == '\n' || *column == 20 {
                    *row += 1;
                    *column = if c == '\n' { *column } else { 0 };
                }
                lines.resize(lines.len().max(*row + 1), String::new());
                if c != '\n' {
                    let line = format!("{:<20}", lines[*row]);
                    let (before, after) = (&line[..*column], &line[*column + 1..]);
                    lines[*row] = format!("{before}{c}{after}").trim_end().to_owned();
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
            20
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
            let (lines, row, column) = &mut *screen;
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
        let screen = Screen::default();
        let target = Box::new(Below::new(screen.clone()));
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
}
