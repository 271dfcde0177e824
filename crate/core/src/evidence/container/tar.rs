//! Tape archives: ustar, GNU long names, pax headers; read as a stream.
//!
//! Source of the layout: POSIX.1 `pax`, and GNU tar's manual for the `L` entry and base-256 numbers.
//!
//! Rejected: the `tar` crate. It wants a file system; what is needed of the format is this page.

use super::{Gauge, Member, Receiver, Stopped, clean, pour, problem};
use crate::problem::{Code, Problem};
use std::io::{self, Read};

const BLOCK: usize = 512;
/// Longest name or pax header that is believed.
const HEADER_BYTES: u64 = 1 << 20;

/// Whether these bytes begin a tape archive: the magic, or a header whose checksum holds (old archives have no magic).
pub(super) fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..BLOCK) else {
        return false;
    };
    if block.get(257..262) == Some(b"ustar") {
        return true;
    }
    block.first().is_some_and(|first| *first != 0)
        && number(block.get(148..156).unwrap_or(&[])) == Some(checksum(block))
}

fn checksum(block: &[u8]) -> u64 {
    block
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum()
}

/// An octal number, or GNU's base-256 one.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let mut value: u64 = 0;
        for (at, byte) in field.iter().enumerate() {
            let byte = if at == 0 { byte & 0x7F } else { *byte };
            value = value.checked_mul(256)?.checked_add(u64::from(byte))?;
        }
        return Some(value);
    }
    let digits = field.split(|byte| *byte == 0).next()?.trim_ascii();
    let mut value: u64 = 0;
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return None;
        }
        value = value.checked_mul(8)?.checked_add(u64::from(digit - b'0'))?;
    }
    (!digits.is_empty()).then_some(value)
}

fn text(field: &[u8]) -> String {
    crate::evidence::encoding::text(field.split(|byte| *byte == 0).next().unwrap_or(&[]))
        .into_owned()
}

/// What headers before an entry said of it.
#[derive(Default)]
struct Said {
    path: Option<String>,
    size: Option<u64>,
    modified_ms: Option<i64>,
}

impl Said {
    /// `<length> <key>=<value>\n` records of a pax header.
    fn pax(&mut self, mut rest: &[u8]) {
        while let Some(blank) = rest.iter().position(|byte| *byte == b' ') {
            let Some(length) = crate::time::parse::integer(rest.get(..blank).unwrap_or(&[]))
                .and_then(|n| usize::try_from(n).ok())
            else {
                return;
            };
            let Some(record) = rest.get(blank + 1..length) else {
                return;
            };
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            if let Some(value) = record.strip_prefix(b"path=") {
                self.path = Some(text(value));
            } else if let Some(value) = record.strip_prefix(b"size=") {
                self.size =
                    crate::time::parse::integer(value).and_then(|size| u64::try_from(size).ok());
            } else if let Some(value) = record.strip_prefix(b"mtime=") {
                self.modified_ms = crate::time::parse::epoch_seconds(value)
                    .map(|stamp| stamp.instant.ns / 1_000_000);
            }
            rest = rest.get(length..).unwrap_or(&[]);
        }
    }
}

/// Fills a block; `false` at a clean end.
fn read_block(source: &mut dyn Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < BLOCK {
        match source.read(block.get_mut(filled..).unwrap_or(&mut [])) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn skip(source: &mut dyn Read, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut source.take(count), &mut io::sink())?;
    if skipped == count {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Unpacks a tape archive.
pub(super) fn unpack(
    path: &str,
    source: &mut dyn Read,
    receiver: &mut dyn Receiver,
    gauge: &mut Gauge<'_>,
) -> Vec<Problem> {
    let damaged = |error: &dyn std::fmt::Display| {
        vec![problem(
            Code::DamagedContainer,
            format!("the archive is damaged ({error}); members before the damage are in the case"),
        )]
    };
    let mut said = Said::default();
    let mut block = [0; BLOCK];
    loop {
        match read_block(source, &mut block) {
            Ok(true) => {}
            Ok(false) => return Vec::new(),
            Err(error) => return damaged(&error),
        }
        if block.iter().all(|byte| *byte == 0) {
            return Vec::new();
        }
        if number(block.get(148..156).unwrap_or(&[])) != Some(checksum(&block)) {
            return damaged(&"a header's checksum does not hold");
        }
        let Some(size) = said
            .size
            .or_else(|| number(block.get(124..136).unwrap_or(&[])))
        else {
            return damaged(&"a header without a size");
        };
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        let kind = block.get(156).copied().unwrap_or(0);
        if matches!(kind, b'L' | b'K' | b'x' | b'g') {
            let mut header = Vec::new();
            let read = source.take(size.min(HEADER_BYTES)).read_to_end(&mut header);
            let rest = size.saturating_sub(HEADER_BYTES) + padding;
            if let Err(error) = read.and_then(|_| skip(source, rest)) {
                return damaged(&error);
            }
            match kind {
                b'L' => said.path = Some(text(&header)),
                b'x' => said.pax(&header),
                _ => {}
            }
            continue;
        }
        let now = std::mem::take(&mut said);
        if !matches!(kind, 0 | b'0' | b'7') {
            // Folders, links, devices: no evidence of their own.
            if let Err(error) = skip(source, size + padding) {
                return damaged(&error);
            }
            continue;
        }
        if let Some(limit) = gauge.member() {
            return vec![limit];
        }
        let name = now.path.unwrap_or_else(|| {
            let (prefix, name) = (
                text(block.get(345..500).unwrap_or(&[])),
                text(block.get(..100).unwrap_or(&[])),
            );
            let ustar = block.get(257..263) == Some(b"ustar\0");
            if ustar && !prefix.is_empty() {
                format!("{prefix}/{name}")
            } else {
                name
            }
        });
        let seconds = number(block.get(136..148).unwrap_or(&[]))
            .and_then(|seconds| i64::try_from(seconds).ok());
        let modified_ms = now
            .modified_ms
            .or_else(|| seconds?.checked_mul(1000))
            .filter(|ms| *ms != 0);
        receiver.begin(Member {
            path: format!("{path}!/{}", clean(&name)),
            modified_ms,
        });
        let mut member = source.take(size);
        let poured = pour(&mut member, receiver, gauge);
        let missing = member.limit();
        match poured {
            Ok(()) if missing == 0 => receiver.end(Vec::new()),
            Ok(()) => {
                let text =
                    format!("the archive ends inside this member; {missing} bytes are missing");
                receiver.end(vec![problem(Code::DamagedContainer, text)]);
                return Vec::new();
            }
            stopped @ Err(Stopped::Cancelled | Stopped::Limit(_) | Stopped::Damage(_)) => {
                receiver.end(super::ending(stopped));
                return Vec::new();
            }
        }
        if let Err(error) = skip(source, padding) {
            return damaged(&error);
        }
    }
}
