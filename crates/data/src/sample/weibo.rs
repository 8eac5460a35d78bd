//! Short messages with named and nominal persons, places, organisations and countries.
//!
//! A space in a template is a word break (the revised version of the corpus numbers the characters of each word).

use super::lexicon::general_zh::{
    BRANDS, COUNTRY_NOUNS, GIVEN_NAMES, ORGANISATION_NOUNS, ORGANISATION_TAILS, PERSON_NOUNS, PLACE_NOUNS,
    PLACES, SURNAMES,
};
use super::template::{Slot, Words};

pub(super) const SLOTS: &[Slot] = &[
    Slot { name: "P", label: "PER.NAM", words: Words::Pair(SURNAMES, GIVEN_NAMES) },
    Slot { name: "p", label: "PER.NOM", words: Words::List(PERSON_NOUNS) },
    Slot { name: "G", label: "GPE.NAM", words: Words::List(PLACES) },
    Slot { name: "g", label: "GPE.NOM", words: Words::List(COUNTRY_NOUNS) },
    Slot { name: "L", label: "LOC.NAM", words: Words::Pair(PLACES, PLACE_NOUNS) },
    Slot { name: "l", label: "LOC.NOM", words: Words::List(PLACE_NOUNS) },
    Slot { name: "O", label: "ORG.NAM", words: Words::Pair(BRANDS, ORGANISATION_TAILS) },
    Slot { name: "o", label: "ORG.NOM", words: Words::List(ORGANISATION_NOUNS) },
];

/// A name used as a hash tag (`#...#`), or a noun that is only spoken of in general (`当...`), is not a mention.
pub(super) const TEMPLATES: &[&str] = &[
    "今天 和 {p} 去 了 {l} ， 天气 真 好 😊",
    "{P} 你 什么 时候 来 {G} 开 演唱会 啊 ？",
    "转发 微博 ： {O} 招聘 {#2-20} 名 客服 ， 有 兴趣 的 私信",
    "我 的 {p} 在 {o} 上班 ， 天天 加班 到 {#7-11} 点",
    "祝福 {g} ， 祝福 {G} ！",
    "在 {L} 遇到 了 {P} ， 好 激动 [哈哈]",
    "{P} 的 新歌 太 好听 了 ， 单曲 循环 {#3-30} 遍",
    "从 {G} 到 {G} ， 一路 向 西 🚗",
    "{p} 说 {o} 下 周 放假 {#2-7} 天 ， 开心",
    "{g} 的 {l} 又 堵车 了 ， 堵 了 {#10-90} 分钟",
    "#{~P}# 生日 快乐 ， 转 起来 {#1-31}",
    "#{~G}# 旅行 攻略 收藏 一下 ， 共 {#5-50} 条",
    "长大 以后 想 当 {~p} ， 你 呢 ？ {#1-99}",
    "#{~O}# 关注 并 转发 ， 抽 {#2-20} 人 送 手机",
    "每次 想到 当 {~p} 这 件 事 就 觉得 累 ， 还有 {#3-60} 天",
    "#{~P}# 看 完 {P} 的 电影 哭 了 😭",
    "{O} 的 {p} 服务 态度 真 差 ， 等 了 {#20-90} 分钟",
    "早安 ， 新 的 一天 ， 加油 {#1-31}",
    "又 胖 了 {#2-9} 斤 ， 减肥 从 明天 开始 😂",
    "据说 {P} 和 {P} 在 {L} 拍戏 ， 求 偶遇",
];
