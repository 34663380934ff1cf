//! Whether a model answers in chunks.

use super::{Control, ControlError, segment};

impl Control {
    /// Whether the model of this base id answers InvokeModelWithResponseStream; `None` where the
    /// service does not say.
    ///
    /// # Errors
    /// [`ControlError`]; the permission is `bedrock:GetFoundationModel`.
    pub async fn streams(&self, base: &str) -> Result<Option<bool>, ControlError> {
        let path = format!("/foundation-models/{}", segment(base));
        let model = self.get("GetFoundationModel", path).await?;
        Ok(model["modelDetails"]["responseStreamingSupported"].as_bool())
    }
}
