//! A backup during ingest, restored elsewhere: the same reports; a file that is not whole: nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::erase::Scene;
use crate::support::process::{self, Server};

#[test]
fn a_backup_made_during_ingest_gives_the_same_reports() {
    let scene = Scene::new();
    let server = Server::start(scene.data());
    for install in 1..20 {
        scene.send(server.address, install, 30);
    }
    let quiet = scene.all(server.address);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let file = path("quiet");
    let told = process::json(scene.data(), &["backup", &file]);
    assert_eq!(told["projects"]["auth"]["installs"], 19, "{told}");
    // Others while events come: each is whole, and what was there before is in it.
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for install in 100.. {
                scene.send(server.address, install, 30);
                if over.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        for round in 0..3 {
            let busy = path(&format!("busy{round}"));
            let told = process::json(scene.data(), &["backup", &busy]);
            let target = path(&format!("restored{round}"));
            let found = process::json(target.as_ref(), &["restore", &busy]);
            assert_eq!(found["projects"], told["projects"]);
        }
        over.store(true, Ordering::SeqCst);
    });
    server.stop();
    let target = path("a/restored");
    process::json(target.as_ref(), &["restore", &file]);
    let restored = Server::start(target.as_ref());
    // Tokens and keys came along.
    assert_eq!(scene.all(restored.address), quiet);
    scene.send(restored.address, 1, 30);
    assert_eq!(
        scene.all(restored.address),
        quiet,
        "what comes again counts once"
    );
    restored.stop();

    let bytes = std::fs::read(&file).unwrap();
    for (name, bytes) in [
        ("cut", bytes[..bytes.len() / 2].to_vec()),
        ("altered", {
            let mut altered = bytes.clone();
            altered[bytes.len() / 3] ^= 1;
            altered
        }),
        ("none", b"hello".to_vec()),
    ] {
        std::fs::write(path(name), bytes).unwrap();
        let target = path(&format!("from-{name}"));
        let refused = process::run(target.as_ref(), &["restore", &path(name)]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("is no whole backup"), "{said}");
        assert!(!std::path::Path::new(&target).exists());
    }
    let again = process::run(path("a/restored").as_ref(), &["restore", &file]);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("restore into an empty folder"), "{said}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    let stray = left.iter().map(|entry| entry.as_ref().unwrap().file_name());
    let stray: Vec<_> = stray
        .filter(|name| name.to_string_lossy().contains('.'))
        .collect();
    assert!(stray.is_empty(), "{stray:?}");
}
