//! Which file of `src` needs which: none needs one that needs it, nor does any folder.
//!
//! A file needs another if it names something that is defined there, also where a `mod.rs` passes the
//! name on. What a folder's `mod.rs` defines itself belongs to all of its files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, UseTree, Visibility};

/// A module by its names from the crate's root: `["store", "git"]`.
type Module = Vec<String>;

#[derive(Default)]
struct Crate {
    modules: BTreeMap<Module, syn::File>,
    /// For each module, under which name it passes on what: `store`: `GitBranch` is `store::git::GitBranch`.
    passed_on: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl Crate {
    fn read() -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut all = Self::default();
        all.read_folder(&src, &Vec::new());
        for (module, file) in &all.modules {
            let mut names = BTreeMap::new();
            for item in &file.items {
                if let Item::Use(item) = item
                    && !matches!(item.vis, Visibility::Inherited)
                {
                    for (path, name) in names_of(item) {
                        if let Some(path) = absolute(&path, module) {
                            names.insert(name, path);
                        }
                    }
                }
            }
            all.passed_on.insert(module.clone(), names);
        }
        all
    }

    fn read_folder(&mut self, folder: &Path, module: &Module) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder)
            .expect("readable")
            .map(|entry| entry.expect("readable").path())
            .collect();
        entries.sort();
        for path in entries {
            let name = path.file_stem().and_then(|name| name.to_str());
            let name = name.expect("a name").to_owned();
            let of_name = || [module.as_slice(), std::slice::from_ref(&name)].concat();
            if path.is_dir() {
                self.read_folder(&path, &of_name());
            } else if path.extension().is_some_and(|is| is == "rs") && name != "main" {
                let module = match name.as_str() {
                    "mod" | "lib" => module.clone(),
                    _ => of_name(),
                };
                let text = fs::read_to_string(&path).expect("readable");
                self.modules
                    .insert(module, syn::parse_file(&text).expect("Rust"));
            }
        }
    }

    /// The module that defines what `path` names.
    fn home(&self, path: &[String]) -> Option<Module> {
        let depth = (0..=path.len()).rfind(|depth| self.modules.contains_key(&path[..*depth]))?;
        let (module, rest) = path.split_at(depth);
        if let [name, after @ ..] = rest
            && let Some(to) = self.passed_on[module].get(name)
            && to != path
        {
            return self.home(&[to.as_slice(), after].concat());
        }
        Some(module.to_vec())
    }

    /// Which modules each of them needs, but for those that it is in.
    fn needs(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let needs = |module: &Module, file: &syn::File| {
            let mut found = Names {
                module,
                paths: Vec::new(),
            };
            found.visit_file(file);
            let homes = found.paths.iter().filter_map(|path| self.home(path));
            homes.filter(|home| !module.starts_with(home)).collect()
        };
        self.modules
            .iter()
            .map(|(module, file)| (module.clone(), needs(module, file)))
            .collect()
    }
}

/// The paths of a use item, each with the name that it brings.
fn names_of(item: &ItemUse) -> Vec<(Vec<String>, String)> {
    fn walk(tree: &UseTree, before: &[String], out: &mut Vec<(Vec<String>, String)>) {
        let with = |name: &dyn ToString| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => walk(&path.tree, &with(&path.ident), out),
            UseTree::Name(name) if name.ident == "self" => {
                let name = before.last().cloned().unwrap_or_default();
                out.push((before.to_vec(), name));
            }
            UseTree::Name(name) => out.push((with(&name.ident), name.ident.to_string())),
            UseTree::Rename(name) => out.push((with(&name.ident), name.rename.to_string())),
            UseTree::Glob(_) => out.push((before.to_vec(), "*".to_owned())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, before, out)),
        }
    }
    let mut out = Vec::new();
    walk(&item.tree, &[], &mut out);
    out
}

/// A path that begins in this crate, from its root; a bare name may be a child's.
fn absolute(path: &[String], module: &Module) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let base = match first.as_str() {
        "crate" => Vec::new(),
        "self" => module.clone(),
        "super" => {
            let ups = rest.iter().take_while(|name| *name == "super").count();
            let kept = module.len().checked_sub(1 + ups)?;
            return Some([&module[..kept], &rest[ups..]].concat());
        }
        _ => return Some([module.as_slice(), path].concat()),
    };
    Some([base.as_slice(), rest].concat())
}

/// Collects what a file names, its tests left out.
struct Names<'m> {
    module: &'m Module,
    paths: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // What is passed on is the need of who takes it.
        if matches!(item.vis, Visibility::Inherited) {
            let paths = names_of(item).into_iter();
            self.paths
                .extend(paths.filter_map(|(path, _)| absolute(&path, self.module)));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if names.len() > 1 {
            self.paths.extend(absolute(&names, self.module));
        }
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let is_test = |attribute: &syn::Attribute| attribute.path().is_ident("cfg");
        if !item.attrs.iter().any(is_test) {
            visit::visit_item_mod(self, item);
        }
    }
}

/// A way through `needs` that comes back to where it began.
fn circle<K: Ord + Clone>(needs: &BTreeMap<K, BTreeSet<K>>) -> Option<Vec<K>> {
    fn walk<K: Ord + Clone>(
        at: &K,
        needs: &BTreeMap<K, BTreeSet<K>>,
        way: &mut Vec<K>,
        done: &mut BTreeSet<K>,
    ) -> Option<Vec<K>> {
        if let Some(begin) = way.iter().position(|passed| passed == at) {
            return Some(way[begin..].to_vec());
        }
        if !done.contains(at) {
            way.push(at.clone());
            for next in needs.get(at).into_iter().flatten() {
                if let Some(found) = walk(next, needs, way, done) {
                    return Some(found);
                }
            }
            way.pop();
            done.insert(at.clone());
        }
        None
    }
    let mut done = BTreeSet::new();
    needs
        .keys()
        .find_map(|at| walk(at, needs, &mut Vec::new(), &mut done))
}

#[test]
fn no_file_and_no_folder_needs_one_that_needs_it() {
    let needs = Crate::read().needs();
    let count: usize = needs.values().map(BTreeSet::len).sum();
    assert!(
        count > 300,
        "the files need {count} others: they were not read"
    );
    // A folder's mod.rs names its files to say what they are.
    let of_files: BTreeMap<Module, BTreeSet<Module>> = needs
        .iter()
        .map(|(module, needed)| {
            let needed = needed.iter().filter(|needed| !needed.starts_with(module));
            (module.clone(), needed.cloned().collect())
        })
        .collect();
    assert_eq!(circle(&of_files), None);

    let mut of_folders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, needed) in &needs {
        let Some(folder) = module.first() else {
            continue;
        };
        let needed = needed.iter().filter_map(|needed| needed.first());
        let needed = needed.filter(|needed| *needed != folder).cloned();
        of_folders.entry(folder.clone()).or_default().extend(needed);
    }
    assert_eq!(circle(&of_folders), None);
}
