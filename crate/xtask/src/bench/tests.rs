use super::accuracy::{Ask, difficulty, measured, together};
use super::measured::measure;
use runlens_casegen::adversary::{Clocks, Difficulty};

#[test]
fn hard_cases_are_reconstructed_and_linked() {
    let cases = measured(&Ask {
        seeds: 18,
        first: 1,
        verbose: false,
    });
    let all = together(cases.iter().map(|(_, measured)| measured));
    assert!(all.links.wanted > 200, "{}", all.links.wanted);
    assert_eq!(
        (all.operations.precision(), all.operations.recall()),
        (1.0, 1.0)
    );
    assert!(
        all.runs.precision() >= 0.999 && all.runs.recall() >= 0.995,
        "{:?} {:#?}",
        all.runs,
        all.remarks
    );
    let said = format!("{:?}\n{:#?}", all.links, all.remarks);
    assert!(all.links.precision() >= 0.96, "{said}");
    assert!(all.links.recall() >= 0.91, "{said}");
    assert!(all.decidable.recall() >= 0.93, "{said}");
    assert!(all.links.precision() > all.nearest.precision());
    assert!(all.links.recall() > all.nearest.recall());
    assert!(
        all.clock_error(50) <= Some(2.0),
        "{:?}",
        all.clock_error(50)
    );
}

#[test]
fn without_malice_every_link_is_found() {
    let kind = Difficulty {
        twins: 0,
        bursts: 0,
        hourly: 0,
        refused: 0,
        strangers: 0,
        resets: 0,
        correlations: 100,
        rotated: 0,
        ..Difficulty::with(Clocks::Right, 0)
    };
    let measured = measure(3, kind);
    assert!(measured.links.wanted > 10);
    assert_eq!(
        (measured.links.precision(), measured.links.recall()),
        (1.0, 1.0),
        "{:#?}",
        measured.remarks
    );
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let (one, other) = (measure(5, difficulty(5)), measure(5, difficulty(5)));
    assert_eq!((one.links, one.remarks), (other.links, other.remarks));
}
