//! What the fuzz targets share: stored files that are made from an input, damage to them,
//! checksums that are made right again, and what must hold of any text that is shown.

pub mod build;
pub mod memory;
pub mod mend;
pub mod model;
pub mod text;
