//! What crosses a boundary of the package: one binary, one module per area.

mod train;
