//! News sentences segmented into words with parts of speech, after the fashion of the People's Daily corpus.
//!
//! A template is `word/pos` with spaces; a slot carries its own parts of speech: a person is two words (`nr nr`), an
//! organisation a bracketed group of two (`[.. ..]nt`), everything else one word.

use super::lexicon::general_zh::{
    GIVEN_NAMES, ORGANISATION_TAILS, PERSON_NOUNS, PLACE_NOUNS, PLACES, SURNAMES,
};
use super::template::{Slot, Words};

pub(super) const SLOTS: &[Slot] = &[
    Slot { name: "PER", label: "nr", words: Words::Pair(SURNAMES, GIVEN_NAMES) },
    Slot { name: "LOC", label: "ns", words: Words::List(PLACES) },
    Slot { name: "ORG", label: "nt", words: Words::Pair(PLACES, ORGANISATION_TAILS) },
    Slot { name: "N", label: "n", words: Words::List(PERSON_NOUNS) },
    Slot { name: "S", label: "s", words: Words::List(PLACE_NOUNS) },
];

/// The same characters are cut differently by context: `高明/a` in praise, part of a name, or a place.
pub(super) const TEMPLATES: &[&str] = &[
    "{PER} 在/p {LOC} 考察/v 了/u {ORG} 。/w",
    "本报/r {LOC} {#1-12}/m 月/q {#1-28}/m 日/q 讯/Ng 记者/n {PER} 报道/v",
    "{ORG} 向/p 灾区/n 捐款/v {#10-99}/m 万/m 元/q 。/w",
    "{N} 们/k 来到/v {S} ，/w 受到/v 热烈/a 欢迎/vn 。/w",
    "{PER} 和/c {PER} 出席/v 了/u 会议/n 。/w",
    "他/r 的/u 医术/n 十分/m 高明/a ，/w {N} 都/d 信任/v 他/r 。/w",
    "祝/v 大家/r 新年/t 平安/a ，/w 工作/vn 顺利/a ！/w",
    "天下/n 太平/a ，/w {N} 安居乐业/i 。/w",
    "{LOC} 是/v 一/m 座/q 美丽/a 的/u 城市/n ，/w 人口/n {#20-900}/m 万/m 。/w",
    "{N} 在/p {S} 等/v 了/u {#2-50}/m 分钟/q 。/w",
    "据/p {ORG} 统计/v ，/w {LOC} 今年/t 增长/v 百分之{#3-30}/m 。/w",
    "从/p {LOC} 到/v {LOC} 需要/v {#2-30}/m 小时/n 。/w",
    "{ORG} 的/u {N} {PER} 获得/v 一等奖/n 。/w",
    "研究/v 生命/n 起源/n 的/u {N} 来自/v {ORG} 。/w",
    "研究生/n 命题/n 由/p {PER} 负责/v 。/w",
    "发展/v 中/f 的/u {LOC} 需要/v 人才/n 。/w",
    "发展中国家/l 的/u {N} 访问/v 了/u {LOC} 。/w",
    "（/w 新华社/nt 记者/n {PER} 摄/Vg ）/w",
];
