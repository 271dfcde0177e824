use super::*;
use std::io::Write;

/// Keeps members as (path, bytes, problem codes).
#[derive(Default)]
struct Kept(Vec<(String, Vec<u8>, Vec<Code>)>);

impl Receiver for Kept {
    fn begin(&mut self, member: Member) {
        self.0.push((member.path, Vec::new(), Vec::new()));
    }
    fn bytes(&mut self, bytes: &[u8]) -> bool {
        self.0.last_mut().expect("begun").1.extend_from_slice(bytes);
        true
    }
    fn end(&mut self, problems: Vec<Problem>) {
        self.0
            .last_mut()
            .expect("begun")
            .2
            .extend(problems.iter().map(|problem| problem.code));
    }
}

/// Members as kept, and the container's own problems.
type Opened = (Vec<(String, Vec<u8>, Vec<Code>)>, Vec<Code>);

fn open(path: &str, bytes: &[u8], limits: &Limits) -> Opened {
    let kind =
        detect(bytes.get(..DETECT_BYTES.min(bytes.len())).unwrap_or(&[])).expect("a container");
    let mut kept = Kept::default();
    let own = unpack(
        kind,
        path,
        bytes.len() as u64,
        None,
        io::Cursor::new(bytes.to_vec()),
        limits,
        &mut kept,
    );
    (kept.0, own.iter().map(|problem| problem.code).collect())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("gzip");
    encoder.finish().expect("gzip")
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[136..147].copy_from_slice(format!("{:011o}", 1_714_550_400).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u64 = header
            .iter()
            .enumerate()
            .map(|(at, byte)| {
                if (148..156).contains(&at) {
                    32
                } else {
                    u64::from(*byte)
                }
            })
            .sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn zip(members: &[(&str, &[u8])], method: ::zip::CompressionMethod) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = ::zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).expect("zip");
        writer.write_all(bytes).expect("zip");
    }
    writer.finish().expect("zip").into_inner()
}

#[test]
fn every_container_gives_its_members() {
    let limits = Limits::default();
    let text = b"2024-05-01T08:00:00Z line\n".repeat(2000);
    let members: [(&str, &[u8]); 2] = [("./var/log/waagent.log", &text), ("b\\c.txt", b"x")];
    let wanted = |path: &str| {
        vec![
            (format!("{path}!/var/log/waagent.log"), text.clone(), vec![]),
            (format!("{path}!/b/c.txt"), b"x".to_vec(), vec![]),
        ]
    };
    for method in [
        ::zip::CompressionMethod::Stored,
        ::zip::CompressionMethod::Deflated,
        ::zip::CompressionMethod::Bzip2,
    ] {
        assert_eq!(
            open("a.zip", &zip(&members, method), &limits),
            (wanted("a.zip"), vec![])
        );
    }
    assert_eq!(
        open("a.tar", &tar(&members), &limits),
        (wanted("a.tar"), vec![])
    );
    assert_eq!(
        open("a.tgz", &gzip(&tar(&members)), &limits),
        (wanted("a.tgz"), vec![])
    );
    assert_eq!(
        open("d/syslog.1.gz", &gzip(&text), &limits),
        (
            vec![("d/syslog.1.gz!/syslog.1".to_owned(), text.clone(), vec![])],
            vec![]
        )
    );
    let mut bz = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::best());
    bz.write_all(&text).expect("bzip2");
    let bz = bz.finish().expect("bzip2");
    assert_eq!(
        open("x.bz2", &bz, &limits),
        (vec![("x.bz2!/x".to_owned(), text.clone(), vec![])], vec![])
    );
    let zst = ruzstd::encoding::compress_to_vec(
        text.as_slice(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    assert_eq!(
        open("x.zst", &zst, &limits),
        (vec![("x.zst!/x".to_owned(), text.clone(), vec![])], vec![])
    );
}

#[test]
fn xz_is_read() {
    // `printf 'hello runlens\n' | xz -9` of xz 5.4.
    const XZ: &[u8] = include_bytes!("hello.xz");
    assert_eq!(
        open("hello.xz", XZ, &Limits::default()),
        (
            vec![(
                "hello.xz!/hello".to_owned(),
                b"hello runlens\n".to_vec(),
                vec![]
            )],
            vec![]
        )
    );
}

#[test]
fn damage_costs_only_what_it_hits() {
    let limits = Limits::default();
    let text = (0..20_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect::<Vec<u8>>();
    let packed = gzip(&text);
    let (members, own) = open("x.gz", &packed[..packed.len() / 2], &limits);
    assert!(own.is_empty());
    assert_eq!(members[0].2, [Code::DamagedContainer]);
    assert!(members[0].1.len() > 1000 && text.starts_with(&members[0].1));
    let archive = tar(&[("a", b"one"), ("b", b"two")]);
    let (members, own) = open("x.tar", &archive[..1600], &limits);
    assert_eq!((members.len(), own), (2, vec![Code::DamagedContainer]));
    let archive = zip(&[("a", &text)], ::zip::CompressionMethod::Deflated);
    let (members, own) = open("x.zip", &archive[..archive.len() - 40], &limits);
    assert_eq!((members.len(), own), (0, vec![Code::DamagedContainer]));
}

#[test]
fn limits_stop_bombs() {
    let bomb = gzip(&vec![0; 8 << 20]);
    let limits = Limits {
        container_ratio_after_bytes: 1 << 20,
        ..Limits::default()
    };
    let (members, _) = open("x.gz", &bomb, &limits);
    assert_eq!(members[0].2, [Code::ContainerLimit]);
    assert!(members[0].1.len() < 3 << 20, "{}", members[0].1.len());
    let limits = Limits {
        container_bytes: 1 << 20,
        ..Limits::default()
    };
    assert_eq!(open("x.gz", &bomb, &limits).0[0].2, [Code::ContainerLimit]);
    let limits = Limits {
        container_members: 1,
        ..Limits::default()
    };
    let (members, own) = open("x.tar", &tar(&[("a", b"1"), ("b", b"2")]), &limits);
    assert_eq!((members.len(), own), (1, vec![Code::ContainerLimit]));
    let limits = Limits {
        container_depth: 1,
        ..Limits::default()
    };
    let (members, own) = open("a.zip!/x.gz", &gzip(b"x"), &limits);
    assert_eq!((members.len(), own), (0, vec![Code::ContainerLimit]));
}
