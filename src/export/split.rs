//! Parts of a dataset, by hash: a row is in the same part whatever other rows there are, and all
//! variants and samples of a row are in one part.

use sha2::{Digest as _, Sha256};

/// How far the shares may be from one in sum.
const TOLERANCE: f64 = 1e-9;

/// A dataset's parts with their shares, in the order in which they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetSplit(Vec<(String, f64)>);

impl DatasetSplit {
    /// `train=0.9,test=0.1`; shares may be percentages.
    ///
    /// # Errors
    /// What is wrong: a part without a share, one that comes twice, shares that do not sum to one.
    pub fn parse(typed: &str) -> Result<Self, String> {
        let mut parts: Vec<(String, f64)> = Vec::new();
        for part in typed.split(',') {
            let (name, share) = part
                .split_once('=')
                .ok_or("it takes NAME=SHARE,…, such as train=0.9,test=0.1")?;
            let (name, share) = (name.trim(), share.trim());
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(format!("`{name}`: a name has letters, digits and _ only"));
            }
            if parts.iter().any(|(other, _)| other == name) {
                return Err(format!("{name} is given twice"));
            }
            let number = match share.strip_suffix('%') {
                Some(percent) => percent.parse().map(|it: f64| it / 100.0),
                None => share.parse(),
            };
            let valid = number.ok().filter(|it| 0.0 < *it && *it <= 1.0);
            let Some(share) = valid else {
                return Err(format!("{name}={share}: a share is above 0 and at most 1"));
            };
            parts.push((name.to_owned(), share));
        }
        let sum: f64 = parts.iter().map(|(_, share)| share).sum();
        match (sum - 1.0).abs() < TOLERANCE {
            true => Ok(Self(parts)),
            false => Err(format!(
                "the shares sum to {}, not to 1",
                (sum * 1e6).round() / 1e6
            )),
        }
    }

    /// The names of the parts.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The number of the part that what is called `key` is in.
    pub(super) fn part(&self, key: &str) -> usize {
        let at = fraction(key);
        let mut below = 0.0;
        let ends = self.0.iter().map(|(_, share)| {
            below += share;
            below
        });
        let ends: Vec<_> = ends.collect();
        let found = ends.iter().position(|end| at < *end);
        found.unwrap_or(self.0.len() - 1)
    }
}

/// Where a key is between 0 and 1: the first 53 bits of its SHA-256.
fn fraction(key: &str) -> f64 {
    let hash = Sha256::digest(key.as_bytes());
    let first = u64::from_be_bytes(hash[..8].try_into().expect("eight bytes of 32"));
    (first >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_that_make_no_split_are_rejected() {
        for (typed, why) in [
            ("train", "it takes NAME=SHARE"),
            ("train=0.9,test=0.2", "the shares sum to 1.1, not to 1"),
            ("train=0.9", "the shares sum to 0.9, not to 1"),
            ("a=0.5,a=0.5", "a is given twice"),
            ("a=1.5", "a share is above 0"),
            ("a=0,b=1", "a=0: a share is above 0"),
            ("../a=1", "`../a`: a name has letters"),
            ("=1", "``: a name"),
        ] {
            let said = DatasetSplit::parse(typed).unwrap_err();
            assert!(
                said.starts_with(why) || said.contains(why),
                "{typed}: {said}"
            );
        }
    }

    #[test]
    fn rows_are_spread_by_the_shares_and_stay_where_they_are() {
        let split = DatasetSplit::parse("train=80%, val=0.1, test=0.1").unwrap();
        let mut counts = [0; 3];
        for nth in 0..10_000 {
            counts[split.part(&format!("row-{nth}"))] += 1;
        }
        assert_eq!(counts, [8020, 956, 1024]);
        // Frozen: published splits depend on it.
        let parts = ["a", "T-1044", "17"].map(|key| split.part(key));
        assert_eq!(parts, [0, 0, 0]);
        assert_eq!(format!("{:.6}", fraction("a")), "0.791374");
    }
}
