//! What one of the things costs that are not billed by the token.

/// USD for one of each; what is not known is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UnitPrice {
    /// An image that the model makes.
    pub made: Option<f64>,
    /// An image that the model is shown.
    pub shown: Option<f64>,
    /// A search.
    pub query: Option<f64>,
}
