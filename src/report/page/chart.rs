//! Charts as SVG: bars, with a title and a text for those who cannot see them.

use std::fmt::Write as _;

use super::html::escaped;

/// The inner size of a chart; it is scaled to the width of the page.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;

/// A list of numbers as bars, one behind the other, stacked with `over` if it is given.
pub(crate) struct Bars<'a> {
    /// What it shows.
    pub(crate) title: &'a str,
    /// The same in words.
    pub(crate) words: String,
    /// Each bar: its value, the part of it that stands out, and what it is.
    pub(crate) bars: Vec<(f64, f64, String)>,
    /// A line across, such as a limit.
    pub(crate) limit: Option<f64>,
    /// The texts under both ends.
    pub(crate) ends: [String; 2],
}

impl Bars<'_> {
    /// The chart.
    pub(crate) fn svg(&self) -> String {
        let most = self.bars.iter().map(|(value, _, _)| *value);
        let most = most.chain(self.limit).fold(0.0, f64::max);
        let scale = if 0.0 < most {
            (HEIGHT - 4.0) / most
        } else {
            0.0
        };
        let step = WIDTH / self.bars.len().max(1) as f64;
        let (title, words) = (escaped(self.title), escaped(&self.words));
        let mut svg = format!(
            "<figure><figcaption>{title}</figcaption>\n<svg viewBox=\"0 0 {WIDTH:.0} {:.0}\" \
             role=\"img\" aria-label=\"{title}: {words}\">\n",
            HEIGHT + 18.0
        );
        // Writing to a String cannot fail.
        for (at, (value, marked, what)) in self.bars.iter().enumerate() {
            let (x, width) = (at as f64 * step, (step - 1.0).max(0.5));
            let (height, marked) = (value * scale, marked * scale);
            if height <= 0.0 {
                continue;
            }
            let _ = write!(
                svg,
                "<g><title>{}</title><rect class=\"bar\" x=\"{x:.1}\" y=\"{:.1}\" \
                 width=\"{width:.1}\" height=\"{height:.1}\"/>",
                escaped(what),
                HEIGHT - height
            );
            if 0.0 < marked {
                let _ = write!(
                    svg,
                    "<rect class=\"mark\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
                     height=\"{marked:.1}\"/>",
                    HEIGHT - marked
                );
            }
            svg += "</g>\n";
        }
        if let Some(limit) = self.limit {
            let y = HEIGHT - limit * scale;
            let _ = writeln!(
                svg,
                "<line class=\"limit\" x1=\"0\" y1=\"{y:.1}\" x2=\"{WIDTH:.0}\" y2=\"{y:.1}\"/>"
            );
        }
        let [left, right] = &self.ends;
        let y = HEIGHT + 14.0;
        let _ = write!(
            svg,
            "<line class=\"axis\" x1=\"0\" y1=\"{HEIGHT:.0}\" x2=\"{WIDTH:.0}\" y2=\"{HEIGHT:.0}\"/>\n\
             <text x=\"0\" y=\"{y:.0}\">{}</text>\n\
             <text x=\"{WIDTH:.0}\" y=\"{y:.0}\" text-anchor=\"end\">{}</text>\n</svg></figure>\n",
            escaped(left),
            escaped(right)
        );
        svg
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_drawn_as_it_was() {
        let chart = Bars {
            title: "Calls & more",
            words: "2 steps".into(),
            bars: vec![
                (10.0, 5.0, "first <b>".into()),
                (0.0, 0.0, "none".into()),
                (20.0, 0.0, "third".into()),
            ],
            limit: Some(40.0),
            ends: ["0s".into(), "3s".into()],
        };
        assert_eq!(
            chart.svg(),
            "<figure><figcaption>Calls &amp; more</figcaption>\n\
             <svg viewBox=\"0 0 720 138\" role=\"img\" aria-label=\"Calls &amp; more: 2 steps\">\n\
             <g><title>first &lt;b&gt;</title><rect class=\"bar\" x=\"0.0\" y=\"91.0\" width=\"239.0\" height=\"29.0\"/>\
             <rect class=\"mark\" x=\"0.0\" y=\"105.5\" width=\"239.0\" height=\"14.5\"/></g>\n\
             <g><title>third</title><rect class=\"bar\" x=\"480.0\" y=\"62.0\" width=\"239.0\" height=\"58.0\"/></g>\n\
             <line class=\"limit\" x1=\"0\" y1=\"4.0\" x2=\"720\" y2=\"4.0\"/>\n\
             <line class=\"axis\" x1=\"0\" y1=\"120\" x2=\"720\" y2=\"120\"/>\n\
             <text x=\"0\" y=\"134\">0s</text>\n\
             <text x=\"720\" y=\"134\" text-anchor=\"end\">3s</text>\n</svg></figure>\n"
        );
    }

    #[test]
    fn nothing_and_numbers_beyond_all_bounds_make_a_chart_too() {
        for bars in [vec![], vec![(f64::MAX, f64::MAX, String::new())]] {
            let chart = Bars {
                title: "t",
                words: String::new(),
                bars,
                limit: None,
                ends: [String::new(), String::new()],
            };
            let svg = chart.svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
