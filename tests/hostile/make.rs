//! The hostile files of `tests/data/hostile/manifest.tsv`, made from a real bundle.

use super::archive;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stridewise::bundle::plan_hash;
use stridewise::host::MachineClass;

/// What a file is to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// It is read; none of its text is live.
    Read,
    /// It is refused: exit 20 with the file's name and this after it.
    Refused(&'static str),
    /// Either, but never half: 0 or 20.
    Either,
}

/// One file: its bytes, and what is expected of them.
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Expected,
}

/// The lines of a real bundle: header, null pair, pair, end.
#[derive(Clone)]
pub(crate) struct Base(pub(crate) Vec<Value>);

impl Base {
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// The lines as bytes, with an end that fits them.
    pub(crate) fn sealed(&self, ending: &str) -> Vec<u8> {
        let (end, lines) = self.0.split_last().unwrap();
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.to_string().as_bytes());
            bytes.extend_from_slice(ending.as_bytes());
        }
        seal(bytes, end, lines.len() - 1, ending)
    }

    /// The lines without the last one: a run that was cut off between two lines.
    fn unsealed(&self) -> Vec<u8> {
        let (_, lines) = self.0.split_last().unwrap();
        lines.iter().map(|line| line.to_string() + "\n").collect::<String>().into_bytes()
    }

    /// Ends in the middle of the second case.
    pub(crate) fn cut(&self) -> Vec<u8> {
        let whole = self.unsealed();
        let second = self.0[2].to_string().len();
        whole[..whole.len() - second / 2].to_vec()
    }

    /// The plan with other ids, its hash made right.
    fn planned(mut self, ids: &[&str]) -> Self {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        self.header()["plan"] = json!({"suite": "custom", "hash": plan_hash(&ids), "ids": ids});
        self
    }

    /// The same with another shape in every id, its own included.
    fn of_shape(self, shape: &str) -> Self {
        let rename = |line: &Value| serde_json::from_str(&line.to_string().replace("64x64", shape)).unwrap();
        let renamed = Self(self.0.iter().map(rename).collect());
        let ids: Vec<String> = serde_json::from_value(renamed.0[0]["plan"]["ids"].clone()).unwrap();
        renamed.planned(&ids.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn header(&mut self) -> &mut Value {
        &mut self.0[0]
    }

    fn pair(&mut self) -> &mut Value {
        &mut self.0[2]
    }

    fn end(&mut self) -> &mut Value {
        self.0.last_mut().unwrap()
    }

    /// A text in every free field of the header.
    fn says(mut self, text: &str) -> Self {
        let header = self.header();
        header["machine"]["model_name"] = json!(text);
        header["machine"]["hypervisor"] = json!(text);
        header["tool"]["rustc"] = json!(text);
        header["config"]["args"] = json!(["run", text]);
        let machine: MachineClass = serde_json::from_value(header["machine"].clone()).unwrap();
        header["class_id"] = json!(machine.id());
        self
    }
}

/// Bytes with an end line whose count and digest are theirs.
fn seal(mut bytes: Vec<u8>, end: &Value, lines: usize, ending: &str) -> Vec<u8> {
    let mut end = end.clone();
    end["lines"] = json!(lines);
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    end["sha256"] = json!(digest);
    bytes.extend_from_slice(end.to_string().as_bytes());
    bytes.extend_from_slice(ending.as_bytes());
    bytes
}

/// A change of the text between the lines, sealed again.
fn edited(base: &Base, from: &str, to: &str) -> Vec<u8> {
    let whole = String::from_utf8(base.sealed("\n")).unwrap();
    let at = whole.trim_end().rfind('\n').unwrap() + 1;
    assert!(whole[..at].contains(from), "{from}");
    let lines = whole[..at].lines().count();
    seal(whole[..at].replace(from, to).into_bytes(), base.0.last().unwrap(), lines - 1, "\n")
}

const SCRIPT: &str = "<script>window.sentinel=1</script>";

/// The texts of the manifest's first group, by number.
fn texts(number: &str) -> Vec<String> {
    let more: &[&str] = match number {
        "05" => &["data:text/html,<script>window.sentinel=1</script>"],
        "09" => &["see http://localhost and www.localhost.com, mail me@localhost.com"],
        "18" => &["+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1,1)", "\t=1+1", "\r=1+1", " =1+1"],
        _ => &[],
    };
    text(number).into_iter().chain(more.iter().map(|&text| text.to_owned())).collect()
}

fn text(number: &str) -> Option<String> {
    Some(match number {
        "01" => SCRIPT.to_owned(),
        "02" => "\"><img src=x onerror=window.sentinel=1>".to_owned(),
        "03" => format!("</title></text></svg>{SCRIPT}"),
        "04" => "</script><!--<script>window.sentinel=1//\u{2028}".to_owned(),
        "05" => "javascript:window.sentinel=1".to_owned(),
        "06" => "red;}</style><style>*{background:url(//x)}".to_owned(),
        "07" => "a|b\\|c\nd".to_owned(),
        "08" => format!("````` {SCRIPT} `"),
        "09" => "![x](http://localhost/t.png) @everyone fixes #1".to_owned(),
        "10" => "</details>\n\n# PASS\n".to_owned(),
        "11" => "\n::error file=x::y\n::add-mask::z".to_owned(),
        "12" => "\u{1b}[2J\u{1b}[H".to_owned(),
        "13" => "\u{1b}]52;c;eA==\u{7}\u{1b}]8;;http://localhost\u{7}\u{1b}]0;t\u{7}".to_owned(),
        "14" => "\u{9b}2J".to_owned(),
        "15" => "\u{202e}abc\u{2069}\u{200b}\u{feff}".to_owned(),
        "17" => format!("e{}\u{1f469}\u{200d}\u{1f680}\t{}", "\u{301}".repeat(200), "\u{ff37}".repeat(400)),
        "18" => "=cmd|' /C calc'!A0\t@SUM(1)\r+1-1\"".to_owned(),
        _ => return None,
    })
}

/// The variants of a file, by its number in the manifest; folders and pairs are made by the test itself.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn make(number: &str, base: &Base) -> Vec<Made> {
    use Expected::{Either, Read, Refused};
    let refused = |says: &'static str, bytes: Vec<u8>| Made { bytes, expected: Refused(says) };
    let read = |bytes: Vec<u8>| Made { bytes, expected: Read };
    let with = |change: &dyn Fn(&mut Base)| {
        let mut changed = base.clone();
        change(&mut changed);
        changed.sealed("\n")
    };
    let header = |key: &str, value: Value| with(&|base| base.header()[key] = value.clone());
    let shape = |shape: Value| with(&|base| base.pair()["contender"]["shape"] = shape.clone());
    let samples = |value: Value| with(&|base| base.pair()["blocks"][0]["baseline_ns"] = value.clone());
    let one_sample = |text: &str| {
        let mut marked = base.clone();
        marked.pair()["blocks"][0]["baseline_ns"][0] = json!(987_654_321_012_u64);
        edited(&marked, "987654321012", text)
    };
    let cache = |key: &str, value: u64| with(&|base| base.header()["machine"]["caches"][0][key] = json!(value));
    let raw = |bytes: &[u8]| bytes.to_vec();
    let sealed = base.sealed("\n");
    let texts = texts(number);
    if !texts.is_empty() {
        // In a field of free text it is read; as an id, which follows from other fields, it is refused.
        let both = |text: String| {
            let id = with(&|base| base.pair()["id"] = json!(text));
            [read(base.clone().says(&text).sealed("\n")), refused("line 3: id: ", id)]
        };
        return texts.into_iter().flat_map(both).collect();
    }
    match number {
        "16" => {
            let id = "order/sum/f8/64x64/C/1,0/e\u{301}";
            let planned = base.clone().planned(&[id]).sealed("\n");
            vec![
                refused("line 3: id: ", with(&|base| base.pair()["id"] = json!(id))),
                refused("line 1: plan.ids: ", planned),
            ]
        }
        "19" => vec![
            refused("line 1: run_id: ", header("run_id", json!("../../x"))),
            refused("line 1: bundle_id: ", header("bundle_id", json!("../../x"))),
        ],
        "20" => vec![refused("line 1: run_id: ", header("run_id", json!("/etc/x")))],
        "21" => ["C:\\x", "\\\\host\\x", "CON", "com1.x", "x."]
            .map(|id| refused("line 1: run_id: ", header("run_id", json!(id))))
            .into(),
        "22" => vec![refused("line 3: id: ", with(&|base| base.pair()["id"] = json!("order/sum/f8/64x64/C/1,0\u{0}")))],
        "23" => vec![refused("line 3: id: ", with(&|base| base.pair()["id"] = json!("x".repeat(65_536))))],
        "24" => vec![refused("line 1: run_id: ", header("run_id", json!("a/b=c")))],
        "25" => {
            vec![refused("line 1: tool.commit: ", with(&|base| base.header()["tool"]["commit"] = json!("$(touch x)")))]
        }
        "26" => vec![
            refused("line 3: blocks[0].baseline_ns[0]: ", one_sample("NaN")),
            refused("line 3: blocks[0].baseline_ns[0]: ", one_sample("Infinity")),
        ],
        "27" => vec![refused("line 3: blocks[0].baseline_ns[0]: ", one_sample("1e999"))],
        "28" => {
            let zeros = with(&|base| {
                for ns in base.pair()["blocks"][0]["baseline_ns"].as_array_mut().unwrap() {
                    *ns = json!(0);
                }
            });
            vec![refused("line 3: blocks[0].baseline_ns: ", zeros)]
        }
        "29" => vec![
            refused("line 3: blocks[0].baseline_ns[0]: ", one_sample("-5")),
            refused("line 3: blocks[0].baseline_ns[0]: ", one_sample("-0.0")),
        ],
        "30" => vec![
            refused("line 3: blocks[0].baseline_ns[0]: ", one_sample("5e-324")),
            refused("line 3: blocks[0].baseline_ns[0]: ", one_sample("1.7e308")),
        ],
        "31" => {
            let mut marked = base.clone();
            marked.pair()["contender"]["footprint_bytes"] = json!(987_654_321_012_u64);
            vec![refused(
                "line 3: contender.footprint_bytes: ",
                edited(&marked, "987654321012", "18446744073709551616"),
            )]
        }
        "32" => vec![
            refused("line 3: contender.shape: ", shape(json!([4_294_967_296_u64, 4_294_967_296_u64]))),
            refused("line 2: baseline.shape: ", base.clone().of_shape("4294967296x4294967296").sealed("\n")),
        ],
        "33" => {
            let shapes = [json!([]), json!([0, 64]), json!(vec![1; 65]), json!([-64, 64])];
            let fields = shapes.map(|value| refused("line 3: contender.shape", shape(value)));
            // The same where the plan already says so.
            let long = format!("order/sum/f8/{}1/C/1,0", "1x".repeat(64));
            let ids = ["order/sum/f8//C/", "order/sum/f8/-64x64/C/1,0", &long];
            let planned = ids.map(|id| refused("line 1: plan.ids: ", base.clone().planned(&[id]).sealed("\n")));
            // An id of no elements may be planned, and skipped; a line cannot have measured it.
            let nothing = base.clone().of_shape("0x64").sealed("\n");
            let nothing = refused("line 2: baseline.shape: shape 0x64: there is nothing to walk", nothing);
            fields.into_iter().chain(planned).chain([nothing]).collect()
        }
        "34" => {
            let none = |blocks: Value| with(&|base| base.pair()["blocks"] = blocks.clone());
            let mut empty = base.0[2]["blocks"][0].clone();
            for key in ["baseline_ns", "contender_ns"] {
                empty[key] = json!([]);
            }
            empty["orders"] = json!("");
            empty["disturbed"] = json!({});
            vec![
                refused("line 3: blocks[0].baseline_ns: ", samples(json!([]))),
                refused("line 3: blocks: no samples", none(json!([empty]))),
                refused("line 3: blocks: no samples", none(json!([]))),
            ]
        }
        "35" => vec![refused(
            "line 3: blocks[0].contender_ns: ",
            with(&|base| _ = base.pair()["blocks"][0]["contender_ns"].as_array_mut().unwrap().pop()),
        )],
        "36" => {
            ["\"5\"", "null", "true"].map(|text| refused("line 3: blocks[0].baseline_ns[0]: ", one_sample(text))).into()
        }
        "37" => {
            let one = with(&|base| {
                let block = base.pair()["blocks"][0].clone();
                let mut block = block.as_object().unwrap().clone();
                block.insert("orders".to_owned(), json!("0"));
                block.insert("disturbed".to_owned(), json!({}));
                for member in ["baseline_ns", "contender_ns"] {
                    let samples = block[member].as_array().unwrap()[..2].to_vec();
                    block.insert(member.to_owned(), json!(samples));
                }
                base.pair()["blocks"] = json!([block]);
            });
            vec![read(one)]
        }
        "38" => {
            let counts = |running: u64| {
                with(&|base| {
                    let event = json!([{"event": "l1d-read-misses", "raw": "cache:0x10000", "value": 777_777_777_u64,
                        "enabled_ns": 1_000_000, "running_ns": running, "blocks": 1, "accesses": 4096}]);
                    let pair = base.pair().as_object_mut().unwrap();
                    pair.remove("counted_absent");
                    pair.insert("counted".to_owned(), json!({"baseline": event, "contender": event}));
                })
            };
            [0, 1_000_001].map(|running| read(counts(running))).into()
        }
        "39" => {
            let sizes = [
                ("line 1: machine.caches[0].line: ", "line", 0),
                ("line 1: machine.caches[0].ways: ", "ways", 0),
                ("line 1: machine.caches[0].bytes: ", "bytes", 1 << 62),
                ("line 1: machine.caches[0].bytes: ", "bytes", 1 << 52),
                ("line 1: machine.caches[0].line: ", "line", 63),
            ];
            sizes.map(|(says, key, value)| refused(says, cache(key, value))).into()
        }
        "40" => vec![refused("line 4: id: ", with(&|base| base.0.insert(3, base.0[2].clone())))],
        "41" => vec![refused(
            "line 2: the key \"kind\" stands twice",
            edited(base, "\"kind\":\"pair\"", "\"kind\":\"pair\",\"kind\":\"pair\""),
        )],
        "43" => vec![refused("line 2: kind: a second header", with(&|base| base.0.insert(1, base.0[0].clone())))],
        "44" => vec![refused("line 1: kind: ", with(&|base| base.0.swap(0, 1)))],
        "45" => {
            vec![refused("line 2: blocks[0]: missing field `baseline_ns`", edited(base, "baseline_ns", "baseline_us"))]
        }
        "46" => vec![refused(
            "line 1: missing field `schema_version`",
            with(&|base| _ = base.header().as_object_mut().unwrap().remove("schema_version")),
        )],
        "47" => vec![refused(
            "line 1: schema_version: major 2 is not read by stridewise",
            header("schema_version", json!([2, 0])),
        )],
        "48" => {
            let minor = with(&|base| {
                base.header()["schema_version"] = json!([1, 99]);
                base.header()["not_known_yet"] = json!({"a": 1});
                base.header()["tool"]["linker"] = json!("x");
                base.pair()["energy_j"] = json!([1.5, null]);
                base.pair()["blocks"][0]["phase"] = json!("\u{202e}x");
                base.end()["after"] = json!(true);
            });
            vec![read(minor)]
        }
        "49" => vec![refused("line 1: schema_version", header("schema_version", json!([-1, 0.5])))],
        "50" => vec![
            refused("line 1: kind: ", raw(b"{\"benchmark\":\"x\",\"time\":5}\n")),
            refused("line 1: schema: ", header("schema", json!("other"))),
        ],
        "51" => vec![Made { bytes: [b"\xef\xbb\xbf", &sealed[..]].concat(), expected: Either }],
        "52" => {
            let text = String::from_utf8(sealed).unwrap();
            let units = || text.encode_utf16();
            let [little, big]: [Vec<u8>; 2] =
                [units().flat_map(u16::to_le_bytes).collect(), units().flat_map(u16::to_be_bytes).collect()];
            let marked = [b"\xff\xfe", &little[..]].concat();
            [little, big, marked].map(|bytes| refused("UTF-16", bytes)).into()
        }
        "53" => {
            let mut marked = base.clone();
            marked.pair()["id"] = json!("order/sum/f8/64x64/C/1,0here");
            let mut bytes = marked.sealed("\n");
            let at = bytes.windows(4).position(|bytes| bytes == b"here").unwrap();
            bytes[at] = 0xff;
            vec![refused("line 3: id: not UTF-8", bytes)]
        }
        "54" => vec![refused("line 2: kind: ", edited(base, "\"kind\":\"pair\"", "\"kind\":\"\\ud800\""))],
        "55" => vec![read(base.sealed("\r\n"))],
        "56" => vec![refused("line 3: ", base.cut()), refused("cut off: 2 of 2 cases", base.unsealed())],
        "57" => vec![refused("empty: no header", Vec::new())],
        "58" => vec![refused("cut off: 0 of 2 cases", [base.0[0].to_string().as_bytes(), b"\n"].concat())],
        "59" => vec![read(sealed[..sealed.len() - 1].to_vec())],
        "60" => vec![refused("line 5: not UTF-8", [&sealed[..], b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"].concat())],
        "61" => vec![
            refused("line 1: ", vec![b'['; 100_000]),
            refused("line 1: kind[0]", [b"{\"kind\":", &[b'['; 100_000][..]].concat()),
        ],
        "62" => vec![refused(
            "line 1: longer than 1 MiB",
            with(&|base| base.header()["tool"]["rustc"] = json!("x".repeat(16 << 20))),
        )],
        "63" => {
            let many = with(&|base| {
                let mut block = base.pair()["blocks"][0].clone();
                block["orders"] = json!("0".repeat(5_001));
                block["disturbed"] = json!({});
                for key in ["baseline_ns", "contender_ns"] {
                    block[key] = json!(vec![1_000_000; 10_002]);
                }
                base.pair()["blocks"] = json!([block]);
            });
            vec![
                refused("line 3: longer than 1 MiB", samples(json!(vec![1_000_000; 1_000_000]))),
                refused("line 3: blocks: 10002 samples, at most 10000 are read", many),
            ]
        }
        "64" => {
            let line = "{\"kind\":\"skipped\",\"id\":\"order/sum/f8/9x9/C/1,0\",\"reason\":\"x\"}\n".repeat(200_000);
            let ids: Vec<String> = (1..=20_001).map(|n| format!("order/sum/f8/{n}x8/C/1,0")).collect();
            let planned = base.clone().planned(&ids.iter().map(String::as_str).collect::<Vec<_>>());
            vec![
                refused("line 2: id: ", [base.0[0].to_string().as_bytes(), b"\n", line.as_bytes()].concat()),
                refused("line 1: plan.ids: 20001 cases, at most 20000 are read", planned.sealed("\n")),
            ]
        }
        // Archives are not unpacked, whatever is in them.
        "65" => vec![refused("compressed with gzip: unpack it first", archive::gzip_of_a_gibibyte())],
        "66" => vec![refused("compressed with zstd: unpack it first", archive::zstd_of_four_gibibytes())],
        "67" => vec![refused(
            "a zip archive: unpack it first",
            archive::zip(&["../../evil", "/etc/evil", "a/bundle.jsonl"]),
        )],
        "68" => vec![refused("a tar archive: unpack it first", archive::tar_through_a_link())],
        _ => Vec::new(),
    }
}
