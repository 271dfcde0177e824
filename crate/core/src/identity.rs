//! One normaliser for every name: callers, addresses, resource ids, VMs and hosts.
//!
//! The same VM is `web01`, `WEB01.contoso.example` and `/SUBSCRIPTIONS/…/VIRTUALMACHINES/WEB01`; the same caller
//! a UPN, an object id, a `live.com#` mail. Comparisons go through the forms of detectors 0.2 and 0.4, and
//! only here.
//!
//! ```
//! use runlens_core::identity::ResourceId;
//! let id = ResourceId::parse("/SUBSCRIPTIONS/S1/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/WEB01/extensions/cse");
//! assert_eq!(id.vm(), Some("web01".to_owned()));
//! assert_eq!(id.child(), Some("cse".to_owned()));
//! ```
//!
//! Rejected: comparing with `eq_ignore_ascii_case` where needed. The one place that forgets is the bug.

use crate::evidence::encoding::trimmed;
use memchr::memchr;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Simple lower case of trimmed text: the form in which names are compared.
#[must_use]
pub fn fold(text: &str) -> String {
    folded(text).into_owned()
}

/// As [`fold`], copying only what has capitals.
#[must_use]
pub fn folded(text: &str) -> Cow<'_, str> {
    let text = trimmed(text);
    if !text.is_ascii() {
        return Cow::Owned(text.to_lowercase());
    }
    if text.bytes().any(|letter| letter.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// What kind of identity a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerKind {
    /// A person.
    User,
    /// A service principal or managed identity.
    Application,
    /// The records do not say.
    Unknown,
}

impl CallerKind {
    /// The word of the case document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Application => "application",
            Self::Unknown => "unknown",
        }
    }

    /// From a caller's spelling: GUIDs are workload identities, names with `@` people (detectors 0.4).
    /// The shape decides, not the digits: shared samples mask GUIDs with letters past f.
    #[must_use]
    pub fn of(caller: &str) -> Self {
        if looks_like_guid(caller) {
            Self::Application
        } else if caller.contains('@') {
            Self::User
        } else {
            Self::Unknown
        }
    }
}

/// 8-4-4-4-12 letters and digits.
#[must_use]
pub fn looks_like_guid(text: &str) -> bool {
    let text = text.trim().trim_start_matches('{').trim_end_matches('}');
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_alphanumeric(),
        })
}

/// A GUID in lower case with dashes; `None` for other text. Accepts braces and 32 bare digits.
#[must_use]
pub fn guid(text: &str) -> Option<String> {
    let mut out = String::with_capacity(36);
    let mut digits = 0;
    for letter in text.bytes() {
        if matches!(letter, b'-' | b'{' | b'}' | b' ') {
            continue;
        }
        if !letter.is_ascii_hexdigit() || digits == 32 {
            return None;
        }
        if matches!(digits, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(char::from(letter.to_ascii_lowercase()));
        digits += 1;
    }
    (digits == 32).then_some(out)
}

/// An address in its plain form: brackets, zone index, port and IPv4-in-IPv6 undone; `None` for other text
/// (detectors 0.4).
#[must_use]
pub fn address(text: &str) -> Option<String> {
    plain_address(text).map(Cow::into_owned)
}

/// As [`address`], copying only what is not plain already.
#[must_use]
pub fn plain_address(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if is_plain_ipv4(text.as_bytes()) {
        return Some(Cow::Borrowed(text));
    }
    other_address(text).map(Cow::Owned)
}

/// Four numbers up to 255 without zeros before them: what an IPv4 address is written as.
fn is_plain_ipv4(text: &[u8]) -> bool {
    let (mut dots, mut digits, mut value) = (0, 0, 0_u32);
    for byte in text {
        match byte {
            b'0'..=b'9' if digits == 0 || value > 0 => {
                digits += 1;
                value = value * 10 + u32::from(byte - b'0');
                if value > 255 {
                    return false;
                }
            }
            b'.' if digits > 0 => {
                dots += 1;
                (digits, value) = (0, 0);
            }
            _ => return false,
        }
    }
    dots == 3 && digits > 0
}

fn other_address(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(plain(address));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let inner = rest.split(']').next().unwrap_or(rest);
        return inner
            .split('%')
            .next()?
            .parse::<Ipv6Addr>()
            .ok()
            .map(|address| plain(IpAddr::V6(address)));
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(address) = host.parse::<Ipv4Addr>()
    {
        return Some(address.to_string());
    }
    text.split('%').next()?.parse::<IpAddr>().ok().map(plain)
}

fn plain(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address
            .to_ipv4_mapped()
            .map_or_else(|| address.to_string(), |address| address.to_string()),
    }
}

/// An address, or all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressPrefix {
    /// Its first address.
    network: IpAddr,
    /// How many bits count.
    length: u32,
}

impl AddressPrefix {
    /// `203.0.113.0/24`, `2001:db8::/32` or one address; bits beyond the length count nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address.parse().ok()?, Some(length.parse::<u32>().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let width = if matches!(address, IpAddr::V4(_)) {
            32
        } else {
            128
        };
        let length = length.unwrap_or(width);
        (length <= width).then(|| Self {
            network: first_of(address, length),
            length,
        })
    }

    /// The prefix of this length in which an address lies.
    #[must_use]
    pub fn around(address: IpAddr, length: u32) -> Self {
        Self {
            network: first_of(address, length),
            length,
        }
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(&self, ip: &str) -> bool {
        ip.parse::<IpAddr>().is_ok_and(|ip| self.holds(ip))
    }

    /// The same of an address that was read already; one family lies in no prefix of the other.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.network.is_ipv4()
            && first_of(address, self.length) == self.network
    }

    /// Its first address.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        self.network
    }

    /// How many bits count.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.length
    }
}

impl std::fmt::Display for AddressPrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = if self.network.is_ipv4() { 32 } else { 128 };
        if self.length == width {
            write!(f, "{}", self.network)
        } else {
            write!(f, "{}/{}", self.network, self.length)
        }
    }
}

/// The first address with the same leading bits.
fn first_of(address: IpAddr, length: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let kept = u32::MAX
                .checked_shl(32_u32.saturating_sub(length))
                .unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & kept))
        }
        IpAddr::V6(address) => {
            let kept = u128::MAX
                .checked_shl(128_u32.saturating_sub(length))
                .unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
        }
    }
}

/// A host's first label, folded: `hn` of detectors 0.4.
#[must_use]
pub fn host_label(text: &str) -> String {
    let folded = fold(text);
    folded.split('.').next().unwrap_or("").to_owned()
}

/// The 15-character NetBIOS form of a host: `nb15` of detectors 0.4.
#[must_use]
pub fn netbios(text: &str) -> String {
    host_label(text).chars().take(15).collect()
}

/// Whether two host names may mean one machine: equal first labels, or equal in NetBIOS form where one is cut to it.
#[must_use]
pub fn same_host(one: &str, other: &str) -> bool {
    let (one, other) = (host_label(one), host_label(other));
    !one.is_empty()
        && (one == other
            || ((one.chars().count() == 15 || other.chars().count() == 15)
                && netbios(&one) == netbios(&other)))
}

/// A resource id taken apart. Segments are folded; nothing is lost in `folded`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceId {
    /// The whole id, folded.
    pub folded: String,
}

impl ResourceId {
    /// Any text; an id that is none has no parts.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut folded = fold(text);
        folded.truncate(folded.trim_end_matches('/').len());
        Self { folded }
    }

    /// Where the segment behind the first segment of this name lies. Ids are taken apart by the hundred thousand: bytes are looked for, not letters.
    fn place_after(&self, marker: &str) -> Option<Range<usize>> {
        let bytes = self.folded.as_bytes();
        let (mut start, mut found) = (0, false);
        loop {
            let rest = bytes.get(start..)?;
            let length = memchr(b'/', rest).unwrap_or(rest.len());
            let end = start + length;
            if found {
                return Some(start..end);
            }
            found = rest.get(..length) == Some(marker.as_bytes());
            start = end + 1;
        }
    }

    fn after(&self, marker: &str) -> Option<&str> {
        let place = self.place_after(marker)?;
        self.folded.get(place).filter(|name| !name.is_empty())
    }

    /// Subscription id.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        self.after("subscriptions")
    }

    /// Resource group.
    #[must_use]
    pub fn resource_group(&self) -> Option<&str> {
        self.after("resourcegroups")
    }

    /// The VM (detectors 0.4): `name`, `scaleset/instance`, or `arc:name`.
    #[must_use]
    pub fn vm(&self) -> Option<String> {
        // Most resources are no machines, and one look tells.
        if !self.folded.contains("machine") {
            return None;
        }
        if let Some(set) = self.after("virtualmachinescalesets") {
            let instance = self.after("virtualmachines")?;
            return Some(format!("{set}/{instance}"));
        }
        if let Some(name) = self.after("virtualmachines") {
            return Some(name.to_owned());
        }
        let arc = self.folded.contains("/microsoft.hybridcompute/machines/");
        self.after("machines")
            .filter(|_| arc)
            .map(|name| format!("arc:{name}"))
    }

    /// The resource id of the VM itself, without what is below it.
    #[must_use]
    pub fn vm_resource(&self) -> Option<String> {
        const VM: &str = "virtualmachines";
        const ARC: &str = "/microsoft.hybridcompute/machines/";
        // A first segment is no marker: ids begin with a stroke.
        let of_vm = self
            .place_after(VM)
            .filter(|name| name.start > VM.len() + 1);
        let end = of_vm.map(|name| name.end).or_else(|| {
            let start = self.folded.find(ARC)? + ARC.len();
            let name = self.folded.get(start..)?;
            Some(start + name.find('/').unwrap_or(name.len()))
        })?;
        self.folded.get(..end).map(str::to_owned)
    }

    /// Name of the managed run command or extension below a VM.
    #[must_use]
    pub fn child(&self) -> Option<String> {
        self.after("runcommands")
            .or_else(|| self.after("extensions"))
            .map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, plain) in [
            ("203.0.113.7", Some("203.0.113.7")),
            ("203.0.113.7:443", Some("203.0.113.7")),
            ("[2001:DB8::1]:443", Some("2001:db8::1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("::ffff:203.0.113.7", Some("203.0.113.7")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("somewhere", None),
            ("", None),
        ] {
            assert_eq!(address(text).as_deref(), plain, "{text}");
        }
    }

    #[test]
    fn what_is_plain_already_is_what_it_would_become() {
        for text in [
            "0.0.0.0",
            "255.255.255.255",
            "203.0.113.7",
            "203.0.113.07",
            "203.0.113.00",
            "203.0.113.256",
            "203.0.113",
            "203.0.113.",
            ".203.0.113.7",
            "203..0.113.7",
            "203.0.113.7.1",
            "203.0.113.7x",
            "1.2.3.4444444444444444444",
        ] {
            assert_eq!(
                is_plain_ipv4(text.as_bytes()),
                other_address(text).as_deref() == Some(text),
                "{text}"
            );
        }
        for text in [
            "", " Web01 ", "web01", "WEB01", "\u{c4}B", "\u{e4}b ", "a\u{130}",
        ] {
            let trimmed = text.trim();
            let plain = if trimmed.is_ascii() {
                trimmed.to_ascii_lowercase()
            } else {
                trimmed.to_lowercase()
            };
            assert_eq!(folded(text), plain);
        }
        let id = "2f027dce-6fba-4b5e-a07f-ae7d8097cc6d";
        for text in [
            id,
            "{2F027DCE-6FBA-4B5E-A07F-AE7D8097CC6D}",
            "2f027dce6fba4b5ea07fae7d8097cc6d",
            " 2f027dce6fba4b5e-a07fae7d8097cc6d",
        ] {
            assert_eq!(guid(text).as_deref(), Some(id));
        }
        for text in [
            "2f027dce6fba4b5ea07fae7d8097cc6",
            "2f027dce6fba4b5ea07fae7d8097cc6d0",
            "x",
        ] {
            assert_eq!(guid(text), None, "{text}");
        }
    }

    #[test]
    fn prefixes() {
        for (text, shown, inside, outside) in [
            (
                "203.0.113.9/24",
                "203.0.113.0/24",
                "203.0.113.255",
                "203.0.114.0",
            ),
            ("203.0.113.9", "203.0.113.9", "203.0.113.9", "203.0.113.8"),
            (
                "2001:db8::7/32",
                "2001:db8::/32",
                "2001:db8:ffff::1",
                "2001:db9::",
            ),
            ("0.0.0.0/0", "0.0.0.0/0", "198.51.100.1", "2001:db8::1"),
        ] {
            let prefix = AddressPrefix::parse(text).expect("a prefix");
            assert_eq!(prefix.to_string(), shown);
            assert!(
                prefix.contains(inside) && !prefix.contains(outside),
                "{text}"
            );
        }
        for text in [
            "203.0.113.0/33",
            "2001:db8::/129",
            "somewhere",
            "",
            "1.2.3.4/x",
        ] {
            assert_eq!(AddressPrefix::parse(text), None, "{text}");
        }
    }

    #[test]
    fn vms() {
        let vm = |id: &str| ResourceId::parse(id).vm();
        assert_eq!(
            vm("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/VM1"),
            Some("vm1".into())
        );
        assert_eq!(
            vm(
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/Set/virtualMachines/3"
            ),
            Some("set/3".into())
        );
        assert_eq!(
            vm(
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.HybridCompute/machines/Edge/runCommands/x"
            ),
            Some("arc:edge".into())
        );
        assert_eq!(
            vm("/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/x"),
            None
        );
        let id = ResourceId::parse(
            "/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/VM1/runCommands/Fix",
        );
        assert_eq!(
            id.vm_resource().as_deref(),
            Some(
                "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/vm1"
            )
        );
        assert_eq!(
            (
                id.subscription(),
                id.resource_group(),
                id.child().as_deref()
            ),
            (Some("s"), Some("g"), Some("fix"))
        );
    }

    #[test]
    fn odd_ids_have_no_parts() {
        let id = |text: &str| ResourceId::parse(text);
        for (text, vm, resource) in [
            ("virtualmachines/x", Some("x"), None),
            ("/virtualmachines", None, None),
            ("/virtualmachines/", None, None),
            ("/a/virtualmachines//b", None, Some("/a/virtualmachines/")),
            ("/a/machines/x", None, None),
            (
                "/a/virtualmachines/virtualmachines/x",
                Some("virtualmachines"),
                Some("/a/virtualmachines/virtualmachines"),
            ),
            (
                "/microsoft.hybridcompute/machines/e/extensions/y",
                Some("arc:e"),
                Some("/microsoft.hybridcompute/machines/e"),
            ),
            ("", None, None),
        ] {
            assert_eq!(id(text).vm().as_deref(), vm, "{text}");
            assert_eq!(id(text).vm_resource().as_deref(), resource, "{text}");
        }
    }

    #[test]
    fn hosts() {
        assert!(same_host("WEB01.contoso.example.", "web01"));
        assert!(same_host("a-very-long-host-name", "A-VERY-LONG-HOS"));
        assert!(!same_host("a-very-long-host-name", "a-very-long-host-nose"));
        assert!(!same_host("", ""));
    }
}
