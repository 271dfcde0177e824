//! Containers opened: zip, tar, gzip, bzip2, xz, Zstandard, and tar inside the latter four.
//!
//! A container is unpacked member by member into a [`Receiver`], in pieces, so that a member of any size never sits in memory whole.
//! The platform makes an evidence item of each member (path `triage.zip!/var/log/waagent.log`), which is identified, hashed and read like
//! any other, and may be a container itself. What cannot be opened (encryption, unknown compression, damage, a limit) is a
//! problem with the member's name; the rest goes on.
//!
//! ```text
//! a.tgz            gzip around tar: the members of the tar    a.tgz!/var/log/syslog
//! syslog.1.gz      gzip around a file                         syslog.1.gz!/syslog.1
//! b.zip!/c.gz      a member that is a container               b.zip!/c.gz!/c
//! ```
//!
//! Hostile archives are normal: `limits.container_members`, `_ratio` (after `_ratio_after_bytes`), `_bytes` and `_depth` bound
//! what comes out, whatever their headers promise.
//!
//! Rejected: random access into compressed members. Looking at one line would decompress a gigabyte; unpacked
//! members are files again.

mod tar;
mod zip;

use crate::limits::Limits;
use crate::problem::{Code, Problem};
use std::io::{self, Read, Seek};

/// Bytes read at once.
const PIECE_BYTES: usize = 256 << 10;
/// Bytes of an item that [`detect`] wants to see.
pub const DETECT_BYTES: usize = 512;

/// Kinds of container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PK archives.
    Zip,
    /// POSIX and GNU tape archives.
    Tar,
    /// RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// RFC 8878.
    Zstandard,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Zip,
        Self::Tar,
        Self::Gzip,
        Self::Bzip2,
        Self::Xz,
        Self::Zstandard,
    ];

    /// A word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstandard => "zstd",
        }
    }
}

/// A file inside a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its whole path, the container's included (`a.zip!/b`).
    pub path: String,
    /// Modified time in ms since 1970, where the container states it in UTC.
    pub modified_ms: Option<i64>,
}

/// Takes members as they unfold.
pub trait Receiver {
    /// The next member begins.
    fn begin(&mut self, member: Member);
    /// Its next bytes. `false` stops unpacking (the analyst cancelled).
    fn bytes(&mut self, bytes: &[u8]) -> bool;
    /// It ends, with what was wrong with it.
    fn end(&mut self, problems: Vec<Problem>);
}

/// Which container these first bytes begin.
#[must_use]
pub fn detect(head: &[u8]) -> Option<Kind> {
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Kind::Zip),
        [0x1F, 0x8B, 8, ..] => Some(Kind::Gzip),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Kind::Bzip2),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Kind::Xz),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Kind::Zstandard),
        _ if tar::is_tar(head) => Some(Kind::Tar),
        _ => None,
    }
}

/// How many containers a path steps into.
#[must_use]
pub fn depth(path: &str) -> u32 {
    u32::try_from(path.matches("!/").count()).unwrap_or(u32::MAX)
}

fn problem(code: Code, text: String) -> Problem {
    Problem {
        code,
        severity: code.severity(),
        record: None,
        offset: None,
        length: None,
        text,
    }
}

/// Counts what comes out and says when a limit is reached.
struct Gauge<'a> {
    limits: &'a Limits,
    packed: u64,
    unpacked: u64,
    members: u64,
}

impl Gauge<'_> {
    /// The limit reached by one more member, if any.
    fn member(&mut self) -> Option<Problem> {
        self.members += 1;
        (self.members > self.limits.container_members).then(|| {
            let limit = self.limits.container_members;
            problem(Code::ContainerLimit, format!("more than limits.container_members ({limit}) members; the rest was left out. Raise the limit to read them"))
        })
    }

    /// The limit reached by these bytes, if any.
    fn bytes(&mut self, count: usize) -> Option<Problem> {
        self.unpacked += count as u64;
        let limits = self.limits;
        if self.unpacked > limits.container_bytes {
            let limit = limits.container_bytes;
            return Some(problem(
                Code::ContainerLimit,
                format!(
                    "more than limits.container_bytes ({limit}) unpacked; the rest was left out"
                ),
            ));
        }
        let ratio = self.packed.max(1).saturating_mul(limits.container_ratio);
        (self.unpacked > limits.container_ratio_after_bytes && self.unpacked > ratio).then(|| {
            let limit = limits.container_ratio;
            problem(Code::ContainerLimit, format!("unpacks to more than limits.container_ratio ({limit}) times its size, as decompression bombs do; the rest was left out"))
        })
    }
}

/// Why unpacking of a member ended early.
enum Stopped {
    /// The analyst cancelled.
    Cancelled,
    /// A limit; nothing more of this container is unpacked.
    Limit(Problem),
    /// Damage in this member.
    Damage(io::Error),
}

/// Copies one member's bytes to the receiver.
fn pour(
    source: &mut dyn Read,
    receiver: &mut dyn Receiver,
    gauge: &mut Gauge<'_>,
) -> Result<(), Stopped> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Stopped::Damage(error)),
        };
        let bytes = piece.get(..count).unwrap_or(&piece);
        let limit = gauge.bytes(count);
        if !receiver.bytes(bytes) {
            return Err(Stopped::Cancelled);
        }
        if let Some(limit) = limit {
            return Err(Stopped::Limit(limit));
        }
    }
}

/// Unpacks a container of this path and size. Answers the problems of the container itself.
pub fn unpack<S: Read + Seek + 'static>(
    kind: Kind,
    path: &str,
    size: u64,
    modified_ms: Option<i64>,
    source: S,
    limits: &Limits,
    receiver: &mut dyn Receiver,
) -> Vec<Problem> {
    if depth(path) >= limits.container_depth {
        let limit = limits.container_depth;
        return vec![problem(
            Code::ContainerLimit,
            format!(
                "nested deeper than limits.container_depth ({limit}); its members were left out"
            ),
        )];
    }
    let mut gauge = Gauge {
        limits,
        packed: size,
        unpacked: 0,
        members: 0,
    };
    match kind {
        Kind::Zip => zip::unpack(path, source, receiver, &mut gauge),
        Kind::Tar => tar::unpack(
            path,
            &mut io::BufReader::with_capacity(PIECE_BYTES, source),
            receiver,
            &mut gauge,
        ),
        _ => stream(kind, path, modified_ms, source, receiver, &mut gauge),
    }
}

/// A compressed stream: one file, or a tar.
fn stream<S: Read + 'static>(
    kind: Kind,
    path: &str,
    modified_ms: Option<i64>,
    source: S,
    receiver: &mut dyn Receiver,
    gauge: &mut Gauge<'_>,
) -> Vec<Problem> {
    let source = io::BufReader::with_capacity(PIECE_BYTES, source);
    let mut plain: Box<dyn Read> = match kind {
        Kind::Bzip2 => Box::new(::bzip2::bufread::MultiBzDecoder::new(source)),
        Kind::Xz => Box::new(xz4rust::XzReader::new(source)),
        Kind::Zstandard => match ruzstd::decoding::StreamingDecoder::new(source) {
            Ok(decoder) => Box::new(decoder),
            Err(error) => {
                return vec![problem(
                    Code::DamagedContainer,
                    format!("not readable as Zstandard: {error}"),
                )];
            }
        },
        _ => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
    };
    let mut head = Vec::new();
    if let Err(error) = plain
        .by_ref()
        .take(DETECT_BYTES as u64)
        .read_to_end(&mut head)
    {
        // Something may have come before the damage; it is kept below.
        if head.is_empty() {
            return vec![problem(
                Code::DamagedContainer,
                format!("cannot be unpacked: {error}"),
            )];
        }
    }
    let is_tar = tar::is_tar(&head);
    let mut whole = io::Cursor::new(head).chain(plain);
    if is_tar {
        return tar::unpack(path, &mut whole, receiver, gauge);
    }
    receiver.begin(Member {
        path: format!("{path}!/{}", inner_name(path)),
        modified_ms,
    });
    let poured = pour(&mut whole, receiver, gauge);
    receiver.end(ending(poured));
    Vec::new()
}

/// What a member's end has to say.
fn ending(poured: Result<(), Stopped>) -> Vec<Problem> {
    match poured {
        Ok(()) => Vec::new(),
        Err(Stopped::Cancelled) => vec![problem(
            Code::Cancelled,
            "unpacking was cancelled inside this member".to_owned(),
        )],
        Err(Stopped::Limit(limit)) => vec![limit],
        Err(Stopped::Damage(error)) => {
            vec![problem(
                Code::DamagedContainer,
                format!(
                    "the container is damaged inside this member ({error}); what came before is in the case"
                ),
            )]
        }
    }
}

/// The name of the file inside `x.gz`: `x`.
fn inner_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((stem, ending))
            if !stem.is_empty()
                && ["gz", "bz2", "xz", "zst", "z"]
                    .contains(&ending.to_ascii_lowercase().as_str()) =>
        {
            stem
        }
        _ => name,
    }
}

/// A member's name without what could lead out of its container.
fn clean(name: &str) -> String {
    let name = name.replace('\\', "/");
    let parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests;
