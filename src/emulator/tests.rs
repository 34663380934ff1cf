//! Through a real client.
