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
use crate::case::Case;
use crate::case::store::EventNumber;

/// The filter in force and the rows it lets through.
#[derive(Debug, Default)]
pub struct Shown {
    filter: Filter,
    found: Found,
    /// The case's revision, and the rows of it.
    rows: Option<(u64, Vec<EventNumber>)>,
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
        self.rows = None;
        Ok(needles)
    }

    /// Forgets what was found in the evidence, before it is searched again.
    pub fn search_anew(&mut self) {
        self.found = Found::nothing(&self.filter.needles());
        self.rows = None;
    }

    /// Takes what a search found in an item.
    pub fn note(&mut self, case: &Case, item: u32, hits: &[Hit]) {
        if !hits.is_empty() {
            self.found.note(case, item, hits);
            self.rows = None;
        }
    }

    /// Makes the rows where they are not made or not of this state of the case.
    pub fn refresh(&mut self, case: &Case) {
        let fresh = |rows: &(u64, Vec<EventNumber>)| rows.0 == case.revision();
        if self.filter.is_empty() || self.rows.as_ref().is_some_and(fresh) {
            return;
        }
        self.rows = Some((case.revision(), run::rows(&self.filter, case, &self.found)));
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
