//! The network a request came from, for rate limits. The address itself is kept nowhere.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

/// An IPv4 /24 or IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Network([u8; 8]);

impl Network {
    /// The network of the peer, or of the address that a proxy in front tells. Of several addresses
    /// in the header the last one counts: it is the one our own proxy added.
    pub(crate) fn of(peer: SocketAddr, headers: &HeaderMap, proxy: Option<&HeaderName>) -> Self {
        let told = proxy
            .and_then(|name| headers.get_all(name).iter().next_back())
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit(',').next())
            .and_then(|value| value.trim().parse().ok());
        Self::around(told.unwrap_or(peer.ip()))
    }

    fn around(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                // No IPv6 network in use begins with these bytes.
                Self([0, 0, 0, 0, 4, a, b, c])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Self([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, told: &[&str], same_as: &str) {
        let header = HeaderName::from_static("x-forwarded-for");
        let mut headers = HeaderMap::new();
        for value in told {
            headers.append(&header, value.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        let expected = Network::around(same_as.parse().unwrap());
        assert_eq!(Network::of(peer, &headers, Some(&header)), expected);
        let direct = Network::of(peer, &headers, None);
        assert_eq!(direct, Network::around(peer.ip()));
    }

    #[test]
    fn networks_are_wide_and_only_the_own_proxy_is_believed() {
        check("192.0.2.7", &[], "192.0.2.200");
        check("127.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.77");
        check(
            "127.0.0.1",
            &["198.51.100.1", "203.0.113.9"],
            "203.0.113.77",
        );
        check("127.0.0.1", &["unknown"], "127.0.0.1");
        check("::ffff:192.0.2.7", &[], "192.0.2.1");
        check("2001:db8::1", &[], "2001:db8::ffff:1");
        assert_ne!(
            Network::around("2001:db8:0:1::1".parse().unwrap()),
            Network::around("2001:db8::1".parse().unwrap())
        );
    }
}
