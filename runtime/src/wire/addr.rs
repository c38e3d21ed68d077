//! Addresses between their wire form and Rust's.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::codec::{Target, to_bytes};

use super::address::{EntityAddr, EntityName, EntityType, SocketAddr};

impl EntityAddr {
    /// The address of a process that listens at `addr`.
    pub fn new(addr: std::net::SocketAddr, nonce: u32) -> Self {
        EntityAddr { nonce, addr: addr.into(), ..EntityAddr::default() }
    }

    /// The IP address and port, if the family is one that can be connected to.
    pub fn socket_addr(&self) -> Option<std::net::SocketAddr> {
        match &self.addr {
            SocketAddr::Ipv4 { port, addr, .. } => Some((Ipv4Addr::from(*addr), *port).into()),
            SocketAddr::Ipv6 { port, addr, flowinfo, scope_id, .. } => {
                Some(std::net::SocketAddrV6::new(Ipv6Addr::from(*addr), *port, *flowinfo, *scope_id).into())
            }
            SocketAddr::Other { .. } => None,
        }
    }

    /// Whether the IP is unspecified, or the family has none.
    pub fn is_blank_ip(&self) -> bool {
        self.socket_addr().is_none_or(|addr| addr.ip().is_unspecified())
    }

    /// The same process at another IP, with its port and nonce kept.
    pub fn with_ip(&self, ip: IpAddr) -> EntityAddr {
        let port = self.socket_addr().map_or(0, |addr| addr.port());
        EntityAddr { addr: std::net::SocketAddr::new(ip, port).into(), ..self.clone() }
    }
}

impl PartialOrd for EntityAddr {
    fn partial_cmp(&self, other: &EntityAddr) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EntityAddr {
    /// The order by which two peers that connect to each other at once decide whose connection survives: that of the
    /// bytes, so that of nonces the lowest byte counts first (EN-05; `operator<` in `src/msg/msg_types.h`).
    fn cmp(&self, other: &EntityAddr) -> Ordering {
        let image = |addr: &EntityAddr| to_bytes(addr, Target::fresh(0)).unwrap_or_default();
        image(self).cmp(&image(other))
    }
}

impl From<std::net::SocketAddr> for SocketAddr {
    fn from(addr: std::net::SocketAddr) -> Self {
        let port = addr.port();
        match (addr.ip(), addr) {
            (IpAddr::V4(ip), _) => SocketAddr::Ipv4 { port, addr: ip.octets(), slack: Default::default() },
            (IpAddr::V6(ip), std::net::SocketAddr::V6(v6)) => SocketAddr::Ipv6 {
                port,
                flowinfo: v6.flowinfo(),
                addr: ip.octets(),
                scope_id: v6.scope_id(),
                slack: Default::default(),
            },
            (IpAddr::V6(ip), _) => {
                SocketAddr::Ipv6 { port, flowinfo: 0, addr: ip.octets(), scope_id: 0, slack: Default::default() }
            }
        }
    }
}

impl std::fmt::Display for EntityAddr {
    /// `127.0.0.1:6789/0`, as Ceph prints it; `-` for an address that is not one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.socket_addr() {
            Some(addr) => write!(f, "{addr}/{}", self.nonce),
            None => f.write_str("-"),
        }
    }
}

impl std::fmt::Display for EntityName {
    /// `osd.3`; `client.?` while no number is assigned.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.r#type {
            EntityType::MON => "mon",
            EntityType::MDS => "mds",
            EntityType::OSD => "osd",
            EntityType::CLIENT => "client",
            EntityType::MGR => "mgr",
            EntityType::AUTH => "auth",
            _ => "unknown",
        };
        if self.num < 0 { write!(f, "{kind}.?") } else { write!(f, "{kind}.{}", self.num) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Context, from_bytes, hex};

    fn bytes(text: &str) -> crate::codec::Bytes {
        let mut bytes = hex::decode(text).unwrap();
        bytes.resize(136, 0);
        bytes.into()
    }

    // covers: EN-01
    #[test]
    fn an_ipv4_address_has_its_family_and_port_in_network_order() {
        let addr = EntityAddr::new("192.168.0.1:6789".parse().unwrap(), 0);
        let wire = bytes("000000000000000000021a85c0a80001");
        assert_eq!(to_bytes(&addr, Target::fresh(0)).unwrap(), wire);
        assert_eq!(from_bytes::<EntityAddr>(wire, &Context::new(0)).unwrap(), addr);
        assert_eq!(addr.to_string(), "192.168.0.1:6789/0");
    }

    // covers: EN-02
    #[test]
    fn an_ipv6_address_has_its_family_and_port_in_network_order() {
        let addr = EntityAddr::new("[2001:db8::1]:6800".parse().unwrap(), 1234);
        let wire = bytes("00000000d2040000000a1a900000000020010db8000000000000000000000001");
        assert_eq!(to_bytes(&addr, Target::fresh(0)).unwrap(), wire);
        assert_eq!(from_bytes::<EntityAddr>(wire, &Context::new(0)).unwrap(), addr);
        assert!(!addr.is_blank_ip());
    }

    // covers: EN-04
    #[test]
    fn addresses_that_differ_in_padding_differ() {
        let plain = bytes("000000000000000000021a85c0a80001");
        let mut padded = plain.to_vec();
        padded[135] = 1;
        let ctx = Context::new(0);
        let (plain, padded): (EntityAddr, EntityAddr) =
            (from_bytes(plain, &ctx).unwrap(), from_bytes(padded.clone().into(), &ctx).unwrap());
        assert_ne!(plain, padded);
        assert_eq!(to_bytes(&padded, Target::fresh(0)).unwrap()[135], 1);
    }

    // covers: EN-05
    #[test]
    fn the_lowest_byte_of_the_nonce_decides_first() {
        let addr = |text: &str, nonce| EntityAddr::new(text.parse().unwrap(), nonce);
        assert!(addr("10.0.0.9:6789", 0x100) < addr("10.0.0.1:6789", 1));
        assert!(addr("10.0.0.1:6789", 0x100) > addr("10.0.0.1:6789", 0));
        assert!(addr("10.0.0.1:6800", 0) < addr("10.0.0.1:6801", 0));
        assert!(addr("[::1]:6800", 0) > addr("10.0.0.1:6801", 0));
    }

    #[test]
    fn an_unknown_family_is_kept_and_has_no_socket_address() {
        let wire = bytes("000000000000000000011a85c0a80001");
        let addr: EntityAddr = from_bytes(wire.clone(), &Context::new(0)).unwrap();
        assert!(addr.is_blank_ip() && addr.socket_addr().is_none());
        assert_eq!(to_bytes(&addr, Target::fresh(0)).unwrap(), wire);
        assert_eq!(EntityAddr::default().to_string(), "-");
    }
}
