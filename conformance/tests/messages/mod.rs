//! All messages: samples of them, and the page that lists them.

pub(crate) mod page;
pub(crate) mod samples;
