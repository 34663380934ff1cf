//! Model identifiers: every form InvokeModel accepts, and what each tells about the model.
