//! Making a messenger.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::inner::Inner;
use super::messenger::NONCE_STEP;
use super::{Messenger, SocketOptions};
use crate::auth::{Authenticator, NoneAuth, Rules};
use crate::session::{Config, Endpoint, Policy};
use crate::wire::address::{AuthEntityName, EntityAddr, EntityName, EntityType};
use crate::wire::prelude::UTime;

/// What a messenger is made of.
pub struct Builder {
    config: Config,
    label: String,
    nonce: u32,
    auth: Option<Box<dyn Authenticator + Send>>,
    socket: SocketOptions,
}

/// A nonce that no other messenger of the process has, as librados chooses it.
fn next_nonce() -> u32 {
    static INSTANCES: AtomicU32 = AtomicU32::new(0);
    let instance = INSTANCES.fetch_add(1, Ordering::Relaxed);
    std::process::id().wrapping_add(instance.wrapping_mul(NONCE_STEP))
}

impl Builder {
    pub(super) fn new(name: EntityName) -> Builder {
        Builder {
            config: Config::new(name),
            label: String::new(),
            nonce: next_nonce(),
            auth: None,
            socket: SocketOptions::default(),
        }
    }

    /// What it is called in the log, beside others of the process: `public`, `cluster`, `hb_front`.
    pub fn label(self, label: impl Into<String>) -> Builder {
        Builder { label: label.into(), ..self }
    }

    /// Tells it from other messengers at the same address: 0 for monitors. Unless told here, the process id, and a
    /// million more for each messenger that the process had before.
    pub fn nonce(self, nonce: u32) -> Builder {
        Builder { nonce, ..self }
    }

    /// How it treats peers of all types that have no policy of their own.
    pub fn default_policy(self, policy: Policy) -> Builder {
        self.configure(|config| config.policies.set_default(policy))
    }

    /// How it treats peers of a type.
    pub fn policy(self, peer: EntityType, policy: Policy) -> Builder {
        self.configure(|config| config.policies.set(peer, policy))
    }

    /// Changes anything else of what the endpoint is told.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Builder {
        change(&mut self.config);
        self
    }

    /// How it proves who it is, and judges the proofs of others. Without, it says its name where that is a proof, and
    /// believes everybody.
    pub fn auth(self, auth: impl Authenticator + Send + 'static) -> Builder {
        Builder { auth: Some(Box::new(auth)), ..self }
    }

    /// Options of its sockets.
    pub fn socket_options(self, socket: SocketOptions) -> Builder {
        Builder { socket, ..self }
    }

    /// The messenger, which does nothing yet.
    pub fn build(mut self) -> Messenger {
        let epoch = Instant::now();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.config.epoch = UTime { tv_sec: wall.as_secs() as u32, tv_nsec: wall.subsec_nanos() };
        self.config.addr = EntityAddr { nonce: self.nonce, ..EntityAddr::default() };
        // The only random numbers of the operating system that the standard library hands out.
        let seed = RandomState::new().hash_one(wall.as_nanos());
        let auth = self.auth.unwrap_or_else(|| {
            let EntityName { r#type, num } = self.config.name;
            let name = AuthEntityName { r#type: r#type.0.into(), id: num.to_string().into() };
            Box::new(NoneAuth::new(name, 0).with_rules(Rules::anyone()))
        });
        let endpoint = Endpoint::new(self.config, auth, seed);
        let (inner, ended) = Inner::new(self.label, self.socket, epoch, endpoint);
        Messenger::new(inner, ended)
    }
}
