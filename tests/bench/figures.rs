//! Several measurements of one thing.

use std::fmt;

/// Measurements, and how they are shown: the median, and from the least to the most.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    /// The middle one, or the mean of the two in the middle; 0 where there are none.
    pub(crate) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        match self.0.as_slice() {
            [] => 0.0,
            all if all.len().is_multiple_of(2) => all[middle - 1].midpoint(all[middle]),
            all => all[middle],
        }
    }
}

impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }
}

impl fmt::Display for Figures {
    /// With the formatter's precision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().unwrap_or(0);
        let (least, most) = (self.0.first(), self.0.last());
        let (least, most) = (least.unwrap_or(&0.0), most.unwrap_or(&0.0));
        write!(
            f,
            "{:.places$} ({least:.places$} to {most:.places$})",
            self.median()
        )
    }
}
