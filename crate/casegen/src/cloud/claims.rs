//! The claims of a token, spelled as the Activity Log spells them: in full, keys in alphabetical order.

use crate::json::Json;
use crate::world::{Client, PrincipalKind, Token, World};

const MICROSOFT: &str = "http://schemas.microsoft.com/";
const XMLSOAP: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/";

/// The public application id of a client; `None` where the application is the caller itself.
#[must_use]
pub const fn client_id(client: Client) -> Option<&'static str> {
    match client {
        Client::CommandLine => Some("04b07795-8ddb-461a-bbee-02f9e1bf7b46"),
        Client::Portal => Some("c44b4083-3bb0-49c1-b47d-974e53cbdf3c"),
        Client::PowerShell => Some("1950a258-227b-4e31-a9cf-717495945fc2"),
        Client::Own => None,
    }
}

/// The claims of a token.
#[must_use]
pub fn claims_of(world: &World, token: &Token) -> Json {
    let Some(principal) = world.principals.get(token.principal) else {
        return Json::Object(Vec::new());
    };
    let user = principal.kind == PrincipalKind::User;
    let issued = token.issued.seconds();
    let issuer = format!("https://sts.windows.net/{}/", world.tenant);
    let mut claims: Vec<(String, Json)> = Vec::new();
    let mut claim = |name: &str, value: String| claims.push((name.to_owned(), value.into()));
    claim("aio", token.aio.clone());
    claim("appid", token.app_id.clone());
    claim("appidacr", if user { "0" } else { "1" }.to_owned());
    claim("aud", "https://management.core.windows.net/".to_owned());
    claim(
        "exp",
        (issued + if user { 4_500 } else { 86_400 }).to_string(),
    );
    if user {
        claim(
            &format!("{MICROSOFT}claims/authnclassreference"),
            "1".to_owned(),
        );
        claim(
            &format!("{MICROSOFT}claims/authnmethodsreferences"),
            token.methods.to_owned(),
        );
    }
    if !user {
        claim(
            &format!("{MICROSOFT}identity/claims/identityprovider"),
            issuer.clone(),
        );
    }
    claim(
        &format!("{MICROSOFT}identity/claims/objectidentifier"),
        principal.object_id.clone(),
    );
    if user {
        claim(
            &format!("{MICROSOFT}identity/claims/scope"),
            "user_impersonation".to_owned(),
        );
    }
    claim(
        &format!("{MICROSOFT}identity/claims/tenantid"),
        world.tenant.clone(),
    );
    if user {
        claim(&format!("{XMLSOAP}name"), principal.upn.clone());
        claim(
            &format!("{XMLSOAP}nameidentifier"),
            token.session.replace('-', "_"),
        );
        claim(&format!("{XMLSOAP}upn"), principal.upn.clone());
    } else {
        claim(
            &format!("{XMLSOAP}nameidentifier"),
            principal.object_id.clone(),
        );
    }
    claim("iat", issued.to_string());
    claim("idtyp", if user { "user" } else { "app" }.to_owned());
    if let Some(address) = token.address {
        claim("ipaddr", address.to_owned());
    }
    claim("iss", issuer);
    if user {
        claim("name", principal.name.to_owned());
    }
    claim("nbf", issued.to_string());
    if user {
        claim("puid", principal.puid.clone());
        claim("sid", token.session.clone());
    }
    claim("uti", token.uti.clone());
    claim("ver", "1.0".to_owned());
    Json::Object(claims)
}
