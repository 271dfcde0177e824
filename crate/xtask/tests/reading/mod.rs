//! Reading evidence in a test as the tab does: in pieces, by readers that hand batches over.

use runlens_core::case::Case;
use runlens_core::evidence::hash::sha256;
use runlens_core::export::CaseDocument;
use runlens_core::formats::ItemReader;
use runlens_core::query::Place;
use runlens_core::settings::Settings;

/// (path, bytes) of every item.
pub type Files = Vec<(String, Vec<u8>)>;

/// Reads files in this order, in pieces of this size, handing batches over as two workers would.
pub fn document(evidence: &[(String, Vec<u8>)], piece: usize) -> (Case, String) {
    let settings = Settings::default();
    let mut case = Case::new(settings.clone());
    let mut finished = Vec::new();
    for (path, bytes) in evidence {
        let item = case.add_item(path, bytes.len() as u64, None);
        let mut reader = ItemReader::new(path, bytes.len() as u64, None, settings.limits.clone());
        for piece in bytes.chunks(piece) {
            reader.push(piece);
            while let Some(batch) = reader.take_batch() {
                case.add_batch(item, &batch);
            }
        }
        finished.push((item, reader.finish(), sha256(bytes)));
    }
    // The end of one item may come after that of a later one.
    for (item, finish, hash) in finished.into_iter().rev() {
        case.finish_item(item, &finish);
        case.set_hash(item, &hash);
    }
    case.conclude();
    let bytes_of = |places: &[Place]| -> Vec<Vec<u8>> {
        let places = places.iter().map(|place| {
            let (_, bytes) = &evidence[place.item as usize];
            let start = place.offset as usize;
            bytes[start..start + place.length as usize].to_vec()
        });
        places.collect()
    };
    loop {
        let wanted = case.rule_needs();
        if wanted.is_empty() {
            break;
        }
        case.rule_take(&bytes_of(&wanted));
    }
    let mut written = CaseDocument::new(&case, true);
    let mut out = Vec::new();
    loop {
        let wanted = bytes_of(&written.needs(&case));
        match written.write(&case, &wanted) {
            Some(part) => out.extend(part),
            None => break,
        }
    }
    (case, String::from_utf8(out).unwrap())
}
