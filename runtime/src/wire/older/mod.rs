//! Older forms of what the protocol says, to and from the newer ones.
//!
//! Reading gives the newer type whatever the peer wrote, and writing picks the form that the peer's features call for.
//! What an older form has no way to say is an error, even where Firefly cuts it short without a word. Only what no
//! older peer could miss is left out; each conversion tells what that is.

/// Returns an error if one of the fields, which older forms lack, is not at its default.
macro_rules! silent {
    ($new:expr, $default:expr; $($field:ident)*) => {
        let default = $default;
        $(if $new.$field != default.$field {
            return Err($crate::codec::EncodeError::unsayable(stringify!($field)));
        })*
    };
}

mod mon;
mod op;
mod osdmap;
mod placement;
mod query;
mod reconnect;
