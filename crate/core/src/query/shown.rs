//! What is shown of a case: every event, or those that a filter lets through, in order of time.
//!
//! ```text
//! set("caller:alice* curl") ─► rows that the columns tell ─► workers search the evidence for "curl" ─► note(…) ─► more rows
//! ```
//!
//! The rows are made when somebody looks at them and kept until the case or the search changes. Rejected: filtering page by page. A view
//! could not say how many rows there are, nor where a moment stands.

use super::filter::run;
use super::filter::search::{Found, Hit};
use super::filter::{Filter, FilterError};
use super::lanes::{Lanes, LanesBy};
use super::sorted::{EventColumn, Sort, sorted};
use crate::case::Case;
use crate::case::store::EventNumber;

/// The state of the case that something was made for: its revision, and how often something was noted.
type State = (u64, u64);

fn state(case: &Case) -> State {
    (case.revision(), case.notes().turn())
}

/// The filter in force and the rows it lets through.
#[derive(Debug, Default)]
pub struct Shown {
    filter: Filter,
    found: Found,
    /// The rows of a state of the case.
    rows: Option<(State, Vec<EventNumber>)>,
    /// The same in the order of the table, where that is not time's.
    sorted: Option<(State, Sort, Vec<EventNumber>)>,
    /// The same in lanes, one for each way to make them that was asked for last.
    lanes: Option<(u64, Lanes)>,
}

impl Shown {
    /// Puts a filter in force; answers the texts that have to be looked for in the evidence.
    ///
    /// # Errors
    /// [`FilterError`]; the filter before stays in force then.
    pub fn set(&mut self, text: &str) -> Result<Vec<String>, FilterError> {
        let filter = Filter::parse(text)?;
        let needles = filter.needles();
        self.found = Found::nothing(&needles);
        let needles = needles.into_iter().map(str::to_owned).collect();
        self.filter = filter;
        self.forget();
        Ok(needles)
    }

    /// Forgets what was found in the evidence, before it is searched again.
    pub fn search_anew(&mut self) {
        self.found = Found::nothing(&self.filter.needles());
        self.forget();
    }

    /// Takes what a search found in an item.
    pub fn note(&mut self, case: &Case, item: u32, hits: &[Hit]) {
        if !hits.is_empty() {
            self.found.note(case, item, hits);
            self.forget();
        }
    }

    /// Makes the rows where they are not made or not of this state of the case.
    pub fn refresh(&mut self, case: &Case) {
        let fresh = |rows: &(State, Vec<EventNumber>)| rows.0 == state(case);
        if self.filter.is_empty() || self.rows.as_ref().is_some_and(fresh) {
            return;
        }
        let rows = run::rows(&self.filter, case, &self.found);
        // A note changes the rows of few filters, and lanes are dear.
        if self.rows.as_ref().is_none_or(|(_, known)| *known != rows) {
            self.forget();
        }
        self.rows = Some((state(case), rows));
    }

    fn forget(&mut self) {
        (self.rows, self.sorted, self.lanes) = (None, None, None);
    }

    /// Makes the table's order, where it is not made for this state of the case.
    pub fn sort(&mut self, case: &Case, sort: Sort) {
        let fresh = |known: &(State, Sort, _)| known.0 == state(case) && known.1 == sort;
        if sort == Sort::default() || self.sorted.as_ref().is_some_and(fresh) {
            return;
        }
        self.sorted = Some((state(case), sort, sorted(case, self.order(case), sort)));
    }

    /// The rows in the table's order, as [`Shown::sort`] left them.
    #[must_use]
    pub fn table<'a>(&'a self, case: &'a Case, sort: Sort) -> &'a [EventNumber] {
        match &self.sorted {
            Some((_, known, rows)) if *known == sort && sort != Sort::default() => rows,
            _ => self.order(case),
        }
    }

    /// Where an event stands in the table.
    #[must_use]
    pub fn place(&self, case: &Case, sort: Sort, item: u32, ordinal: u32) -> Option<usize> {
        if sort.by == EventColumn::Time && !sort.descending {
            return super::row_of(case, self.order(case), item, ordinal);
        }
        let event = case.store().event_of(item, ordinal)?;
        self.table(case, sort)
            .iter()
            .position(|other| *other == event)
    }

    /// Makes the lanes, where they are not made for this state of the case.
    pub fn put_in_lanes(&mut self, case: &Case, by: LanesBy) {
        let fresh = |known: &(u64, Lanes)| known.0 == case.revision() && known.1.by() == by;
        if self.lanes.as_ref().is_some_and(fresh) {
            return;
        }
        self.lanes = None;
        self.lanes = Some((case.revision(), Lanes::of(case, self.order(case), by)));
    }

    /// The lanes, as [`Shown::put_in_lanes`] left them.
    #[must_use]
    pub fn lanes(&self) -> Option<&Lanes> {
        self.lanes.as_ref().map(|(_, lanes)| lanes)
    }

    /// The rows, as [`Shown::refresh`] left them.
    #[must_use]
    pub fn order<'a>(&'a self, case: &'a Case) -> &'a [EventNumber] {
        match &self.rows {
            Some((_, rows)) if !self.filter.is_empty() => rows,
            _ => case.store().order(),
        }
    }
}

/// How many events another filter would let through, by what memory knows. Whether the evidence itself would have to be searched too.
///
/// # Errors
/// [`FilterError`] where it is none.
pub fn count(case: &Case, text: &str) -> Result<(usize, bool), FilterError> {
    let filter = Filter::parse(text)?;
    let needles = filter.needles();
    let rows = if filter.is_empty() {
        case.store().order().len()
    } else {
        run::rows(&filter, case, &Found::nothing(&needles)).len()
    };
    Ok((rows, !needles.is_empty()))
}
