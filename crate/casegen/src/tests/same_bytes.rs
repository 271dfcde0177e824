use crate::{EXAMPLE_SEED, example_case, example_json, render, story};
use base64::Engine;
use sha2::{Digest, Sha256};

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let first = Sha256::digest(example_json());
    assert_eq!(first, Sha256::digest(example_json()));
    let (first, second) = (example_case(), example_case());
    assert_eq!(first, second);
}

#[test]
fn another_seed_gives_other_bytes_and_as_many_operations_and_runs() {
    let first = render(&story::example(EXAMPLE_SEED));
    for seed in [1, 8, u64::MAX] {
        let other = render(&story::example(seed));
        assert_ne!(
            Sha256::digest(first.to_json()),
            Sha256::digest(other.to_json())
        );
        for count in ["operations", "rows", "runs"] {
            assert_eq!(first.truth["counts"][count], other.truth["counts"][count]);
        }
    }
}

#[test]
fn the_page_gets_every_file_with_its_path_its_time_and_its_bytes() {
    let case = example_case();
    let listed: serde_json::Value = serde_json::from_slice(&example_json()).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), case.files.len());
    for (entry, file) in listed.iter().zip(&case.files) {
        assert_eq!(entry["path"], file.path.as_str());
        assert_eq!(entry["modified_ms"].as_i64(), file.modified_ms);
        match entry["text"].as_str() {
            Some(text) => assert_eq!(text.as_bytes(), file.bytes),
            None => {
                assert!(file.path.ends_with(".evtx"), "{}", file.path);
                let coded = entry["base64"].as_str().unwrap();
                let bytes = base64::engine::general_purpose::STANDARD.decode(coded);
                assert!(bytes.unwrap() == file.bytes, "{}", file.path);
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_come_as_base64() {
    let case = crate::Case {
        files: vec![crate::CaseFile::new("a", None, vec![0xff, 0x00])],
        truth: serde_json::Value::Null,
    };
    assert_eq!(
        String::from_utf8(case.to_json()).unwrap(),
        r#"[{"path":"a","modified_ms":null,"base64":"/wA="}]"#
    );
}

#[test]
fn paths_are_sorted_and_each_occurs_once() {
    let case = example_case();
    assert!(case.files.is_sorted_by(|a, b| a.path < b.path));
}

#[test]
fn the_example_stays_small_enough_for_the_page() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packer, &example_json()).unwrap();
    let packed = packer.finish().unwrap().len();
    assert!(packed < 220_000, "{packed} bytes");
}
