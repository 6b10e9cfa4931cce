// SPDX-License-Identifier: GPL-2.0

use std::fs;

use super::*;
use crate::parse::parse;

/// The circles of a crate with these files, given with their paths below `src/`.
fn circles(files: &[(&str, &str)]) -> Vec<Circle> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let tree = parse(&folder.path().join("lib.rs")).unwrap();
    let mut circles = find(&tree);
    let prefix = format!("{}/", folder.path().display());
    for line in circles.iter_mut().flat_map(|circle| &mut circle.uses) {
        *line = line.replace(&prefix, "");
    }
    circles
}

/// The circle, which must be the only one.
fn circle(files: &[(&str, &str)]) -> Circle {
    let mut circles = circles(files);
    assert_eq!(circles.len(), 1, "{circles:?}");
    circles.remove(0)
}

#[test]
fn modules_that_import_each_other_are_a_circle() {
    let found = circle(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::{\nX,\nY};\npub struct A;"),
        ("b.rs", "pub struct X;\npub struct Y(pub super::a::A);"),
        ("c.rs", "use crate::{a::A, b::X};"),
    ]);
    let uses = [
        "a.rs:2: crate::a uses crate::b",
        "b.rs:2: crate::b uses crate::a",
    ];
    assert_eq!(
        (found.modules, found.uses),
        (
            vec!["crate::a".into(), "crate::b".into()],
            uses.map(String::from).to_vec(),
        )
    );
}

#[test]
fn a_circle_may_be_long() {
    let found = circle(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "pub fn f() { crate::b::f() }"),
        ("b.rs", "use crate::c;\npub fn f() { c::f() }"),
        ("c.rs", "pub fn f() { super::a::f() }"),
    ]);
    assert_eq!(found.modules, ["crate::a", "crate::b", "crate::c"]);
    assert_eq!(found.uses[1], "b.rs:2: crate::b uses crate::c");
}

#[test]
fn a_parent_may_reexport_items_of_its_children() {
    let files = [
        ("lib.rs", "mod a; pub use a::A;"),
        ("a.rs", "mod b; pub(crate) use b::A; pub struct S;"),
        ("a/b.rs", "pub struct A(super::S);"),
    ];
    assert_eq!(circles(&files), []);
}

#[test]
fn a_parent_and_a_child_that_use_each_other_are_a_circle() {
    for parent in [
        "use b::A;",
        "pub(crate) use b::A;\nfn f(_: A) {}",
        "fn f(_: b::A) {}",
    ] {
        let parent = format!("mod b;\npub struct S;\n{parent}");
        let found = circle(&[
            ("lib.rs", "mod a;"),
            ("a.rs", &parent),
            ("a/b.rs", "pub struct A(super::S);"),
        ]);
        assert_eq!(found.modules, ["crate::a", "crate::a::b"]);
    }
}

#[test]
fn a_reexported_item_belongs_to_its_defining_module() {
    let lib = ("lib.rs", "mod a; mod b; mod c; pub use a::A; pub use c::*;");
    let a = ("a.rs", "pub struct A; fn f(_: crate::b::B) {}");
    for b in ["use crate::A; pub struct B(A);", "pub struct B(super::A);"] {
        let found = circle(&[lib, a, ("b.rs", b), ("c.rs", "")]);
        assert_eq!(found.modules, ["crate::a", "crate::b"]);
    }
    let found = circle(&[
        lib,
        ("a.rs", ""),
        ("b.rs", "pub struct B(crate::C);"),
        ("c.rs", "pub struct C; fn f(_: crate::b::B) {}"),
    ]);
    assert_eq!(found.modules, ["crate::b", "crate::c"]);
}

#[test]
fn a_reexport_of_another_modules_item_is_a_use() {
    let found = circle(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub(crate) use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::a::A; pub struct B;"),
    ]);
    assert_eq!(found.modules, ["crate::a", "crate::b"]);
}

#[test]
fn folders_that_use_each_other_are_a_circle() {
    let found = circle(&[
        ("lib.rs", "mod a { pub mod x { fn f() { crate::b::y::f() } } pub mod z { pub fn f() {} } } mod b;"),
        ("b.rs", "pub mod y; mod w;"),
        ("b/y.rs", "pub fn f() {}"),
        ("b/w.rs", "fn f() { crate::a::z::f() }"),
    ]);
    assert_eq!(found.modules, ["crate::a", "crate::b"]);
    assert_eq!(found.uses[1], "b/w.rs:1: crate::b::w uses crate::a::z");
}

#[test]
fn uses_in_macros_are_found() {
    let found = circle(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "pub struct A; fn f() { println!(\"{}\", [crate::b::N][0]); }",
        ),
        ("b.rs", "use crate::a::A; things! { pub const N = 1 }"),
    ]);
    assert_eq!(found.modules, ["crate::a", "crate::b"]);
    let field = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "use crate::b::{self, n}; pub struct A; fn f(s: b::S) { n(); }",
        ),
        (
            "b.rs",
            "pub struct S; pub fn n() {} fn f(s: T) { print!(\"{}\", s.a) }",
        ),
    ];
    assert_eq!(circles(&field), []);
}

#[test]
fn uses_in_tests_are_ignored() {
    for attribute in [
        "#[cfg(test)]",
        "#[cfg(any(test, fuzzing))]",
        "#[cfg(all(unix, test))]",
    ] {
        let b = format!(
            "pub struct B;\n{attribute}\nmod tests {{ use crate::a::A; }}\n\
                         {attribute}\nuse crate::a::A;\n{attribute}\nfn f(_: crate::a::A) {{}}"
        );
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", &b),
        ];
        assert_eq!(circles(&files), [], "{attribute}");
    }
    for attribute in [
        "#[cfg(unix)]",
        "#[cfg(not(test))]",
        "#[cfg(any(test, unix))]",
    ] {
        let b = format!("pub struct B;\n{attribute}\nmod tests {{ use crate::a::A; }}");
        circle(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", &b),
        ]);
    }
}
