//! Clinical records with six types of mentions at character offsets, and medical dialogues with symptoms.

use super::lexicon::general_zh::PLACES;
use super::lexicon::medical_zh::{BODY_PARTS, DISEASES, DRUGS, EXAMS, OPERATIONS, SYMPTOMS, TESTS};
use super::template::{Slot, Words};

pub(super) const SLOTS: &[Slot] = &[
    Slot { name: "DIS", label: "disease", words: Words::List(DISEASES) },
    Slot { name: "EXAM", label: "exam", words: Words::List(EXAMS) },
    Slot { name: "TEST", label: "test", words: Words::List(TESTS) },
    Slot { name: "OP", label: "operation", words: Words::List(OPERATIONS) },
    Slot { name: "DRUG", label: "drug", words: Words::List(DRUGS) },
    Slot { name: "BODY", label: "anatomy", words: Words::List(BODY_PARTS) },
    Slot { name: "SYM", label: "symptom", words: Words::List(SYMPTOMS) },
    Slot { name: "CITY", label: "", words: Words::List(PLACES) },
];

/// How a record begins.
pub(super) const OPENINGS: &[&str] = &[
    "患者{#3-11}月前因“{DIS}”在我院行{OP}，术后恢复良好。",
    "患者{#2-28}天前无明显诱因出现{BODY}疼痛，未予重视。",
    "患者因“{DIS}{#2-20}年”入院。",
    "患者于{#2008-2018}年查体发现{BODY}占位，为进一步诊治入院。",
    "患者{#20-88}岁，既往有{DIS}、{DIS}病史，长期口服{DRUG}。",
];

/// What a record goes on with. Hospital wards, lectures and refused offers are not findings: what they name is not a mention.
pub(super) const MIDDLES: &[&str] = &[
    "行{EXAM}检查示：{BODY}见软组织肿块，大小约{#10-50}MM×{#10-50}MM。",
    "{EXAM}未见明显异常。",
    "查{TEST}：{#2-90}，{TEST}：{#2-200}。",
    "复查{TEST}升高，给予{DRUG}治疗。",
    "予{DRUG}联合{DRUG}化疗{#2-8}周期，过程顺利。",
    "于全麻下行{OP}，术中见{BODY}与周围组织粘连。",
    "术后病理示：{DIS}，侵及{BODY}。",
    "诊断为{DIS}，建议行{OP}。",
    "{BODY}无压痛，{BODY}未触及肿大。",
    "停用{DRUG}，改为{DRUG}{#10-500}mg口服。",
    "患者曾参加本院“{~DIS}”健康讲座。",
    "患者在{~BODY}外科住院{#3-30}天。",
    "转入{~DIS}专病门诊继续随访。",
    "家属要求查阅《{~DRUG}说明书》，已予告知。",
    "患者拒绝参加{~DRUG}药物试验。",
    "预约{~EXAM}室时间为{#8-17}时。",
    "精神可，饮食睡眠尚可，大小便正常。",
    "体重较前下降{#2-15}公斤。",
];

/// How a record ends.
pub(super) const ENDINGS: &[&str] = &[
    "现为行进一步治疗入院。",
    "门诊以“{DIS}”收入院。",
    "今来我院复查{EXAM}。",
    "拟行第{#2-8}周期化疗，收入院。",
    "患者目前一般情况可，自{~CITY}转来。",
];

/// What the doctor asks: a symptom that is asked for in a list or named as a forum's title is one, a department is not.
pub(super) const DOCTOR: &[&str] = &[
    "您好",
    "请问孩子多大了",
    "有没有{SYM}的情况",
    "还有{SYM}或者{SYM}吗",
    "大便一天{#2-9}次吗",
    "可以先物理降温，多喝水",
    "考虑是{SYM}引起的",
    "建议挂“{~SYM}”专科看看",
    "这个药的名字叫“{~SYM}灵”，一天{#1-4}次",
    "不用担心，注意观察",
    "我写过一篇《{~SYM}护理》的文章，你可以看看",
];

/// What the patient tells.
pub(super) const PATIENT: &[&str] = &[
    "孩子{SYM}{#2-9}天了",
    "从昨天开始{SYM}，晚上{SYM}",
    "没有{SYM}，就是{SYM}",
    "{#2-11}个月",
    "好的，谢谢医生",
    "吃了{~SYM}灵，没有好转",
    "三天前有点{SYM}，现在{SYM}好了",
    "体温{#37-39}度{#1-9}",
    "我看过《{~SYM}护理》，照着做了",
    "挂了“{~SYM}”专科，排到{#2-40}号",
    "吃奶还可以",
];
