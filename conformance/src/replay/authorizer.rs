//! Proofs of identity in a handshake. They are read and written again; what is sealed in them stays sealed.

use bytes::Bytes;
use firefly_runtime::codec::{Context, Target, Wire, from_bytes, to_bytes};
use firefly_runtime::wire::auth::{AuthNoneAuthorizer, AuthProtocol, CephXAuthorizer, CephXAuthorizerReply};
use firefly_runtime::wire::transport::{Connect, ConnectReply, Tag};

use super::finding::{Severity, Text, rule};
use super::log::{Log, Spot};

/// Checks the client's proof.
pub(super) fn check_connect(connect: &Connect, spot: Spot, log: &mut Log<'_>) {
    let authorizer = &connect.authorizer;
    match connect.authorizer_protocol {
        _ if authorizer.is_empty() => {}
        AuthProtocol::NONE => check::<AuthNoneAuthorizer>(authorizer, "AU-01", spot, log),
        AuthProtocol::CEPHX => check::<CephXAuthorizer>(authorizer, "AU-04", spot, log),
        _ => {}
    }
}

/// Checks the server's proof. A challenge has another form.
pub(super) fn check_reply(connect: &Connect, reply: &ConnectReply, spot: Spot, log: &mut Log<'_>) {
    let is_proof = reply.tag != Tag::CHALLENGE_AUTHORIZER && !reply.authorizer.is_empty();
    if is_proof && connect.authorizer_protocol == AuthProtocol::CEPHX {
        check::<CephXAuthorizerReply>(&reply.authorizer, "AU-05", spot, log);
    }
}

fn check<T: Wire>(bytes: &Bytes, broken: &'static str, spot: Spot, log: &mut Log<'_>) {
    match from_bytes::<T>(bytes.clone(), &Context::default()) {
        Ok(value) if to_bytes(&value, Target::exact(0)).is_ok_and(|again| again == *bytes) => {}
        Ok(_) => {
            let text = Text::new("an authorizer is not what is written again", T::NAME);
            log.add(Severity::Error, rule::EXACT, spot, text);
        }
        Err(error) => {
            let text = Text::new(format!("an authorizer cannot be read ({})", T::NAME), error.to_string());
            log.add(Severity::Warning, broken, spot, text);
        }
    }
}
