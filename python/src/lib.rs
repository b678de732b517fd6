//! The module for Python: converts values and forwards calls. Decides nothing, keeps no state of its own.

mod client;
mod convert;
mod manage;

use pyo3::prelude::*;

/// The compiled half of the package `headcount`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::manage::Error;

    #[pymodule_export]
    use crate::{page_title, pattern_trouble};

    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}

/// The title of an HTML page as it would be sent, without the parts that name the site.
#[pyfunction]
fn page_title(html: &[u8], sites: Vec<String>) -> String {
    headcount_client::title_without_sites(&headcount_client::title_of_html(html), &sites)
}

/// Why a regular expression of an ignore list cannot be used; None when it can.
#[pyfunction]
fn pattern_trouble(pattern: &str) -> Option<String> {
    headcount_client::pattern_trouble(pattern)
}
