//! Thursday: the operator's token is used from somewhere else.
//!
//! [`web`], [`app`], [`data`] and [`erp`] are told by machine, [`tracks`] is how the intruder hides.

mod app;
mod data;
mod erp;
mod tracks;
mod web;

use super::cast::{Cast, DAY, INTRUDER, OFFICE, PRODUCTION, WEB, machine, shop};
use crate::cloud::catalogue as kinds;
use crate::instant::Instant;
use crate::plan::{Call, Invoked, Plan};
use crate::world::Client;

/// The whole of it.
pub fn fill(plan: &mut Plan, cast: Cast) {
    let day = DAY.plus_days(3);
    let theirs = plan.token(
        cast.operator,
        Client::CommandLine,
        Some(OFFICE),
        day.at(8, 31, 5),
        None,
    );
    // The operator at work with the token that is about to be used elsewhere.
    let by_operator = Call {
        token: theirs,
        address: OFFICE,
        hostile: false,
    };
    let web = machine(plan, WEB);
    plan.call(
        by_operator,
        &kinds::BOOT_DIAGNOSTICS,
        PRODUCTION,
        &web,
        day.at(8, 33, 50),
    );
    let replayed = Call {
        token: theirs,
        address: INTRUDER,
        hostile: true,
    };
    look_around(plan, replayed, day);
    web::fill(plan, replayed, day);
    // The token ran out; the session did not.
    let refreshed = Call {
        token: plan.token(
            cast.operator,
            Client::CommandLine,
            Some(INTRUDER),
            day.at(9, 33, 12),
            Some(theirs),
        ),
        address: INTRUDER,
        hostile: true,
    };
    let wiped = app::fill(plan, refreshed, day);
    data::fill(plan, refreshed, day);
    let later = Call {
        token: plan.token(
            cast.operator,
            Client::CommandLine,
            Some(INTRUDER),
            day.at(10, 28, 2),
            Some(theirs),
        ),
        ..refreshed
    };
    tracks::blind(plan, later, day);
    tracks::clean_up(plan, later, day, wiped);
    tracks::afterwards(plan, cast, theirs, day);
    erp::fill(plan, refreshed, day);
    erp::hide(plan, later, day);
}

fn look_around(plan: &mut Plan, by: Call, day: Instant) {
    let group =
        shop(plan, "Microsoft.AzureTerraform").replace("/providers/Microsoft.AzureTerraform", "");
    let inventory = plan.call(
        by,
        &kinds::EXPORT_TERRAFORM,
        PRODUCTION,
        &group,
        day.at(9, 2, 17),
    );
    plan.step(
        "The stolen token is used from a foreign address: an inventory of the group is exported",
        &["T1078.004", "T1526"],
        Some(inventory),
        None,
    );
    let site = shop(plan, "Microsoft.Web/sites/shop-front/config/appsettings");
    let settings = plan.call(
        by,
        &kinds::SITE_CONFIG_LIST,
        PRODUCTION,
        &site,
        day.at(9, 3, 2),
    );
    plan.step(
        "Application settings of the shop are read",
        &["T1552"],
        Some(settings),
        None,
    );
    let account = shop(plan, "Microsoft.Storage/storageAccounts/stshopprod");
    let keys = plan.call(
        by,
        &kinds::LIST_KEYS,
        PRODUCTION,
        &account,
        day.at(9, 4, 11),
    );
    plan.step(
        "Keys of a storage account are listed",
        &["T1555.006"],
        Some(keys),
        None,
    );
}

fn run(
    plan: &mut Plan,
    title: &'static str,
    attack: &'static [&'static str],
    invoked: Option<Invoked>,
) {
    plan.step(
        title,
        attack,
        invoked.map(|it| it.operation),
        invoked.map(|it| it.run),
    );
}
