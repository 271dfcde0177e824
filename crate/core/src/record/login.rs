//! Log-on, privilege and account facts in the text of a system log line.
//!
//! Source: linux-artifacts 8 (sshd, sudo, useradd, groupadd, usermod, passwd, PAM sessions). The tag says which program speaks.

use crate::event::Outcome;
use std::borrow::Cow;

/// What a line says of somebody's access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    /// Who.
    pub actor: Option<Cow<'a, str>>,
    /// From where.
    pub ip: Option<Cow<'a, str>>,
    /// What was done: `log-on`, `sudo`, `new user` and so on.
    pub operation: &'static str,
    /// How it ended.
    pub outcome: Outcome,
}

fn after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(marker)?;
    rest.split([' ', ',', ';', ':', '('])
        .find(|word| !word.is_empty())
}

fn login(
    actor: Option<&str>,
    ip: Option<&str>,
    operation: &'static str,
    outcome: Outcome,
) -> Option<Login<'static>> {
    let owned = |text: &str| Cow::Owned(text.to_owned());
    Some(Login {
        actor: actor.map(owned),
        ip: ip.map(owned),
        operation,
        outcome,
    })
}

/// The word after ` from `, which may hold colons (IPv6).
fn from(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(" from ")?;
    rest.split(' ').next().filter(|word| !word.is_empty())
}

/// Whether a program with this tag may say something of somebody's access.
#[must_use]
pub fn speaks(tag: &str) -> bool {
    matches!(
        tag,
        "sshd"
            | "sshd-session"
            | "sudo"
            | "useradd"
            | "adduser"
            | "groupadd"
            | "addgroup"
            | "userdel"
            | "usermod"
            | "gpasswd"
            | "groupmod"
            | "passwd"
            | "chpasswd"
            | "su"
            | "cron"
            | "CRON"
            | "crond"
            | "systemd-logind"
            | "login"
    )
}

/// Reads a message of the program `tag`.
#[must_use]
pub fn read(tag: &str, message: &str) -> Option<Login<'static>> {
    let message = message.trim();
    match tag {
        "sshd" | "sshd-session" => {
            if message.starts_with("Accepted ") {
                return login(
                    after(message, " for "),
                    from(message),
                    "log-on",
                    Outcome::Succeeded,
                );
            }
            if let Some(rest) = message.strip_prefix("Failed ") {
                let user = rest
                    .split_once(" for ")
                    .map(|(_, rest)| rest.strip_prefix("invalid user ").unwrap_or(rest));
                return login(
                    user.and_then(|user| user.split(' ').next()),
                    from(message),
                    "log-on",
                    Outcome::Failed,
                );
            }
            if message.starts_with("Invalid user ") || message.starts_with("Illegal user ") {
                return login(
                    message.split(' ').nth(2),
                    from(message),
                    "log-on",
                    Outcome::Failed,
                );
            }
            session(message)
        }
        "sudo" => {
            if message.contains("pam_unix") {
                return session(message);
            }
            let (actor, rest) = message.split_once(" : ")?;
            let refused = rest.contains("NOT in sudoers")
                || rest.contains("incorrect password")
                || rest.contains("command not allowed");
            login(
                Some(actor.trim()),
                None,
                "sudo",
                if refused {
                    Outcome::Failed
                } else {
                    Outcome::Succeeded
                },
            )
        }
        "useradd" | "adduser" if message.starts_with("new user") => login(
            after(message, "name="),
            None,
            "new user",
            Outcome::Succeeded,
        ),
        "useradd" | "groupadd" | "addgroup" if message.starts_with("new group") => login(
            after(message, "name="),
            None,
            "new group",
            Outcome::Succeeded,
        ),
        "userdel" => login(
            after(message, "delete user '").map(|name| name.trim_end_matches('\'')),
            None,
            "delete user",
            Outcome::Succeeded,
        ),
        "usermod" | "gpasswd" | "groupmod" => login(
            after(message, "user "),
            None,
            "change user",
            Outcome::Succeeded,
        ),
        "passwd" | "chpasswd" if message.contains("password changed for") => login(
            after(message, "changed for "),
            None,
            "password change",
            Outcome::Succeeded,
        ),
        "su" | "cron" | "CRON" | "crond" | "systemd-logind" | "login" => session(message),
        _ => None,
    }
}

fn session(message: &str) -> Option<Login<'static>> {
    let failed = message.contains("authentication failure");
    if failed {
        return login(
            after(message, " user="),
            after(message, "rhost="),
            "log-on",
            Outcome::Failed,
        );
    }
    let opened = message.contains("session opened for user ");
    if opened || message.contains("session closed for user ") {
        let operation = if opened {
            "session opened"
        } else {
            "session closed"
        };
        return login(
            after(message, " for user "),
            None,
            operation,
            Outcome::Succeeded,
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_access() {
        let say = |tag: &str, message: &str| {
            read(tag, message).map(|login| {
                format!(
                    "{} {} {} {}",
                    login.actor.as_deref().unwrap_or("-"),
                    login.ip.as_deref().unwrap_or("-"),
                    login.operation,
                    login.outcome.word()
                )
            })
        };
        for (tag, message, want) in [
            (
                "sshd",
                "Accepted publickey for ops from 2001:db8::7 port 5 ssh2: RSA x",
                "ops 2001:db8::7 log-on succeeded",
            ),
            (
                "sshd-session",
                "Failed password for invalid user eve from 203.0.113.9 port 5 ssh2",
                "eve 203.0.113.9 log-on failed",
            ),
            (
                "sshd",
                "Invalid user eve from 203.0.113.9",
                "eve 203.0.113.9 log-on failed",
            ),
            (
                "sudo",
                "     ops : TTY=pts/0 ; PWD=/home/ops ; USER=root ; COMMAND=/bin/ls",
                "ops - sudo succeeded",
            ),
            (
                "sudo",
                "  eve : user NOT in sudoers ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
                "eve - sudo failed",
            ),
            (
                "sudo",
                "pam_unix(sudo:session): session opened for user root(uid=0) by ops(uid=1000)",
                "root - session opened succeeded",
            ),
            (
                "useradd",
                "new user: name=svc, UID=1001, GID=1001, home=/home/svc",
                "svc - new user succeeded",
            ),
            (
                "passwd",
                "pam_unix(passwd:chauthtok): password changed for svc",
                "svc - password change succeeded",
            ),
        ] {
            assert_eq!(say(tag, message).as_deref(), Some(want), "{message}");
        }
        assert_eq!(say("kernel", "Accepted x"), None);
        for (tag, message) in [
            ("sshd", "Accepted publickey for ops from 203.0.113.7"),
            ("sudo", "ops : COMMAND=/bin/sh"),
            ("userdel", "delete user 'x'"),
            ("usermod", "add user x"),
            ("CRON", "session opened for user root"),
        ] {
            assert!(speaks(tag) && read(tag, message).is_some(), "{tag}");
        }
    }
}
