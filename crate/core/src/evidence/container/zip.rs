//! Zip archives, by their central directory.

use super::{Gauge, Member, Receiver, Stopped, clean, ending, pour, problem};
use crate::problem::{Code, Problem};
use std::io::{Read, Seek};
use zip::extra_fields::ExtraField;
use zip::read::ZipFile;
use zip::result::ZipError;

/// The extended timestamp's modified time, the only one that zip states in UTC.
fn modified_ms<R: Read>(file: &ZipFile<'_, R>) -> Option<i64> {
    file.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(times) => {
            times.mod_time().map(|seconds| i64::from(seconds) * 1000)
        }
        _ => None,
    })
}

/// Unpacks a zip archive.
pub(super) fn unpack<S: Read + Seek>(
    path: &str,
    source: S,
    receiver: &mut dyn Receiver,
    gauge: &mut Gauge<'_>,
) -> Vec<Problem> {
    let mut archive = match zip::ZipArchive::new(source) {
        Ok(archive) => archive,
        Err(error) => {
            let text = format!(
                "its directory cannot be read ({error}); a zip is written last to first, so this one may be cut. Collect it again or repair it"
            );
            return vec![problem(Code::DamagedContainer, text)];
        }
    };
    for at in 0..archive.len() {
        // The raw view answers for members that cannot be opened, too.
        let Ok((name, encrypted, folder, modified_ms)) =
            archive.by_index_raw(at).and_then(|file| {
                Ok((
                    clean(&file.name()?),
                    file.encrypted(),
                    file.is_dir(),
                    modified_ms(&file),
                ))
            })
        else {
            receiver.begin(Member {
                path: format!("{path}!/member {at}"),
                modified_ms: None,
            });
            receiver.end(vec![problem(
                Code::DamagedContainer,
                "the archive's directory names a member that is not there".to_owned(),
            )]);
            continue;
        };
        if folder {
            continue;
        }
        if let Some(limit) = gauge.member() {
            return vec![limit];
        }
        receiver.begin(Member {
            path: format!("{path}!/{name}"),
            modified_ms,
        });
        if encrypted {
            receiver.end(vec![problem(
                Code::EncryptedMember,
                "this member is encrypted; unpack it with its password and add the file".to_owned(),
            )]);
            continue;
        }
        let poured = match archive.by_index(at) {
            Ok(mut file) => pour(&mut file, receiver, gauge),
            Err(ZipError::UnsupportedArchive(what)) => {
                receiver.end(vec![problem(Code::UnknownCompression, format!("this member cannot be unpacked ({what}); unpack it with another tool and add the file"))]);
                continue;
            }
            Err(error) => {
                receiver.end(vec![problem(
                    Code::DamagedContainer,
                    format!("this member cannot be unpacked ({error})"),
                )]);
                continue;
            }
        };
        let over = matches!(poured, Err(Stopped::Cancelled | Stopped::Limit(_)));
        receiver.end(ending(poured));
        if over {
            break;
        }
    }
    Vec::new()
}
