use super::{LONG_AGO, Table};

const ID: &str = "managed-run-command-write";

fn new(table: &Table) -> Vec<bool> {
    let found = table.finds(ID);
    found
        .iter()
        .map(|found| found.values["new_principal"] == true)
        .collect()
}

#[test]
fn a_write_exactly_a_week_back_is_known() {
    let table = Table::of(
        "2024-05-01T10:00:00 write:rc1 p 52.1.2.3 vm1
         2024-05-08T10:00:00 write:rc1 p 52.1.2.3 vm1",
    );
    assert_eq!(new(&table), [true, false]);
    assert_eq!(table.severities(ID), ["medium", "info"]);
    let table = Table::of(
        "2024-05-01T10:00:00 write:rc1 p 52.1.2.3 vm1
         2024-05-08T10:00:01 write:rc1 p 52.1.2.3 vm1",
    );
    assert_eq!(new(&table), [true, true]);
    let words: Vec<_> = table
        .finds(ID)
        .iter()
        .map(|one| one.baseline.word())
        .collect();
    assert_eq!(words, ["partial", "full"]);
}

#[test]
fn of_two_writes_at_one_instant_the_first_is_new() {
    let table = Table::of(
        "2024-05-01T10:00:00 write:a p 52.1.2.3 vm1
         2024-05-01T10:00:00 write:b p 52.1.2.3 vm1
         2024-05-01T10:00:00 write:a q 52.1.2.3 vm2",
    );
    assert_eq!(new(&table), [true, false, true]);
}

#[test]
fn a_deletion_within_the_hour_makes_it_short_lived() {
    let lived = |deleted: &str, name: &str| {
        let found = Table::of(LONG_AGO)
            .with(&format!(
                "2024-05-01T09:00:00 write:other p 52.1.2.3 vm1
                 2024-05-01T10:00:00 write:rc1 p 52.1.2.3 vm1
                 2024-05-01T{deleted} delete:{name} q 52.1.2.3 vm1"
            ))
            .finds(ID);
        let write = &found[1];
        (
            write.severity.word(),
            write.values["ephemeral"] == true,
            write.attack.contains(&"T1070.004"),
        )
    };
    assert_eq!(lived("11:00:00", "rc1"), ("high", true, true));
    assert_eq!(lived("11:00:01", "rc1"), ("info", false, false));
    assert_eq!(lived("10:00:00", "rc1"), ("info", false, false));
    assert_eq!(lived("10:30:00", "rc2"), ("info", false, false));
}

#[test]
fn the_request_says_what_was_run() {
    let body = r#"{"properties":{"source":{"script":"id;"},"asyncExecution":true,"runAsUser":"svc","outputBlobUri":"https://x.example/o"}}"#;
    let found = Table::of(&format!(
        "2024-05-01T10:00:00 write:rc1 p 52.1.2.3 vm1 body={body}"
    ))
    .finds(ID);
    let values = &found[0].values;
    assert_eq!(values["script"], "id;");
    assert_eq!(values["async_execution"], true);
    assert_eq!(values["run_as_user"], "svc");
    assert_eq!(values["output_blob_uri"], "https://x.example/o");
    assert_eq!(values["run_command"], "rc1");
}

#[test]
fn failed_writes_and_reads_are_silent() {
    let table = Table::of(
        "2024-05-01T10:00:00 write:rc1 p 52.1.2.3 vm1 status=Failed
         2024-05-01T10:00:00 Microsoft.Compute/locations/runCommands/read p 52.1.2.3 /x
         2024-05-01T10:01:00 delete:rc1 p 52.1.2.3 vm1",
    );
    assert!(new(&table).is_empty());
}

#[test]
fn an_object_id_and_a_name_are_one_principal() {
    let table = Table::of(
        "2024-05-01T09:00:00 run alice@contoso.example 52.1.2.3 vm1 oid=11111111-2222-3333-4444-555555555555
         2024-05-01T10:00:00 write:rc1 ALICE@contoso.example 52.1.2.3 vm1
         2024-05-01T11:00:00 write:rc2 11111111-2222-3333-4444-555555555555 52.1.2.3 vm1",
    );
    assert_eq!(new(&table), [true, false]);
}
