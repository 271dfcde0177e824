//! The claims of a token, from any spelling of their names.
//!
//! ```text
//! "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"     as Azure writes it
//! "http://schemas_xmlsoap_org/ws/2005/05/identity/claims/upn"     as Elastic does
//! "upn"                                                           short
//! ```
//!
//! Two dozen claims come with every record and seven matter. The name's last part decides, and a value is read only then.
//!
//! Rejected: a map of all claims. It would be most of what a record costs.

use super::cloud::Text;
use crate::json::{Key, Value};
use memchr::{memchr, memrchr};
use std::borrow::Cow;

/// Claims that matter, from any spelling of their names.
#[derive(Clone, Debug, Default)]
pub struct Claims<'a> {
    /// Display name.
    pub name: Text<'a>,
    /// User principal name, or the mail of a guest.
    pub upn: Text<'a>,
    /// Object id.
    pub object_id: Text<'a>,
    /// Address that obtained the token.
    pub ip: Text<'a>,
    /// Client application.
    pub app_id: Text<'a>,
    /// `user` or `app`.
    pub id_type: Text<'a>,
    /// Token id.
    pub token_id: Text<'a>,
}

impl<'a> Claims<'a> {
    /// Notes one claim. Names come in full URL form, with dots turned into underscores (Elastic), or short.
    pub fn take(&mut self, name: &str, value: Value<'a>) {
        self.take_text(name, || value.word());
    }

    /// Notes one claim whose value is asked for only where the claim matters.
    pub fn take_text(&mut self, name: &str, value: impl FnOnce() -> Text<'a>) {
        if let Some(place) = self.place(name.as_bytes()) {
            self.put(place, value());
        }
    }

    /// The claim of this name, where it matters.
    fn place(&self, name: &[u8]) -> Option<Claim> {
        let tail = memrchr(b'/', name)
            .and_then(|at| name.get(at + 1..))
            .unwrap_or(name);
        Some(match tail {
            b"upn" => Claim::Upn,
            b"emailaddress" | b"preferred_username" if self.upn.is_none() => Claim::Upn,
            // `…/2005/05/identity/claims/name` holds `live.com#mail` for guests; the bare `name` the display name.
            b"name" if name == b"name" => Claim::Name,
            b"name" if self.upn.is_none() => Claim::Guest,
            b"objectidentifier" | b"oid" => Claim::ObjectId,
            b"ipaddr" => Claim::Ip,
            b"appid" => Claim::AppId,
            b"idtyp" => Claim::IdType,
            b"uti" => Claim::TokenId,
            _ => return None,
        })
    }

    fn put(&mut self, claim: Claim, value: Text<'a>) {
        let place = match claim {
            Claim::Name => &mut self.name,
            Claim::Upn => &mut self.upn,
            Claim::ObjectId => &mut self.object_id,
            Claim::Ip => &mut self.ip,
            Claim::AppId => &mut self.app_id,
            Claim::IdType => &mut self.id_type,
            Claim::TokenId => &mut self.token_id,
            Claim::Guest => {
                self.upn = value.map(|text| match text.split_once('#') {
                    Some((_, mail)) if mail.contains('@') => Cow::Owned(mail.to_owned()),
                    _ => text,
                });
                return;
            }
        };
        *place = value;
    }

    /// Notes all claims of an object.
    pub fn take_all(&mut self, claims: Value<'a>) {
        for (key, value) in claims.entries() {
            if let Some(place) = self.place_of(key) {
                self.put(place, value.word());
            }
        }
    }

    /// Notes all claims of an object that have text.
    pub fn take_present(&mut self, claims: Value<'a>) {
        for (key, value) in claims.entries() {
            if let Some(place) = self.place_of(key)
                && let Some(text) = value.word()
            {
                self.put(place, Some(text));
            }
        }
    }

    fn place_of(&self, key: Key<'_>) -> Option<Claim> {
        match memchr(b'\\', key.0) {
            None => self.place(key.0),
            Some(_) => self.place(key.text().as_bytes()),
        }
    }
}

/// A claim that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Name,
    Upn,
    /// A name that may be a guest's mail.
    Guest,
    ObjectId,
    Ip,
    AppId,
    IdType,
    TokenId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_in_every_spelling() {
        for name in [
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
            "http://schemas_xmlsoap_org/ws/2005/05/identity/claims/upn",
            "upn",
        ] {
            let mut claims = Claims::default();
            claims.take(name, Value::new(b"\"alex@contoso.example\""));
            assert_eq!(
                claims.upn.as_deref(),
                Some("alex@contoso.example"),
                "{name}"
            );
        }
        let mut guest = Claims::default();
        guest.take(
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
            Value::new(b"\"live.com#alex@contoso.example\""),
        );
        guest.take("name", Value::new(b"\"Alex\""));
        assert_eq!(
            (guest.upn.as_deref(), guest.name.as_deref()),
            (Some("alex@contoso.example"), Some("Alex"))
        );
    }
}
