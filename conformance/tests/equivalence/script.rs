//! Authentication as it was recorded: nothing is sealed or opened again.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use firefly_runtime::auth::{AuthError, Authenticator, Authorizer, Moment, Request, Verdict};
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::auth::AuthProtocol;
use firefly_runtime::wire::transport::{Connect, ConnectReply, Tag};

/// What is to be shown and judged next.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Next>>);

#[derive(Default)]
struct Next {
    show: Option<(AuthProtocol, Bytes)>,
    verdict: Option<Verdict>,
}

impl Script {
    /// The next connect record is to carry the authorizer of this one.
    pub(crate) fn show(&self, connect: Option<&Connect>) {
        let shown = connect.filter(|connect| connect.authorizer_protocol != AuthProtocol::UNKNOWN);
        let show = shown.map(|connect| (connect.authorizer_protocol, connect.authorizer.clone()));
        self.0.lock().expect("a lock").show = show;
    }

    /// The next connect record is to be judged as this reply tells.
    pub(crate) fn judge(&self, reply: &ConnectReply) {
        let refused = reply.tag == Tag::BADAUTHORIZER;
        self.0.lock().expect("a lock").verdict = Some(match refused {
            true => Verdict::Reject(AuthError::Refused),
            false => Verdict::Accept { reply: reply.authorizer.clone(), session_key: None },
        });
    }
}

impl Authenticator for Script {
    fn authorizer(&mut self, _: EntityType, _: bool, _: &mut Moment<'_>) -> Option<Authorizer> {
        let (protocol, bytes) = self.0.lock().expect("a lock").show.take()?;
        Some(Authorizer { protocol, bytes, nonce: 0, session_key: None })
    }

    fn answer(&mut self, _: &Authorizer, _: &Bytes, _: &mut Moment<'_>) -> Result<Authorizer, AuthError> {
        Err(AuthError::Challenge)
    }

    fn verify_reply(&mut self, _: &Authorizer, _: &Bytes) -> Result<(), AuthError> {
        Ok(())
    }

    fn verify(&mut self, _: &Request<'_>, _: &mut Moment<'_>) -> Verdict {
        let verdict = self.0.lock().expect("a lock").verdict.take();
        verdict.unwrap_or(Verdict::Accept { reply: Bytes::new(), session_key: None })
    }
}
