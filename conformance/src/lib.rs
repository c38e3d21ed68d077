//! Replays captures of Ceph Firefly's messenger protocol (msgr v1) and judges them.
//!
//! [`capture`] turns a capture file into ordered TCP streams, [`replay`] reads what is on them and checks it, and
//! [`report`] tells what was found. [`corpus`] does the same for encoded objects.
#![forbid(unsafe_code)]

pub mod capture;
pub mod corpus;
pub mod dissect;
pub mod replay;
pub mod report;
