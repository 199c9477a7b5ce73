"""Scripts that put no spaces between words: near duplicates are found, other texts are not taken for them."""

import pytest

from newsletter.editing.duplicates import find_duplicates
from newsletter.model import Post
from newsletter.rendering.content import count_words
from newsletter.text.words import fold_units, number_of_words, weigh_words

# Of each language: a text, what a second agency wrote instead of some of its words, and a text about something else.
TEXTS = {
    "Chinese": (
        "港口管理局周一宣布，新的集装箱码头将于明年春天投入使用，届时每年可处理三百万个标准箱。局长表示，扩建工程进展顺利，"
        "所需资金已经到位。当地渔民担心航道变窄会影响他们的生计，要求在开工之前进行协商。市政府答应在月底之前公布环境评估报告，"
        "并邀请各方代表出席听证会。",
        {"周一": "星期一", "宣布": "表示", "顺利": "良好", "所需": "全部", "答应": "承诺"},
        "国家图书馆昨天展出了一批从未公开过的古代地图，其中最早的一幅绘于四百年前。研究人员用了六年时间修复这些地图，"
        "并把它们全部扫描成电子版本。展览持续到九月底，学生可以免费参观。馆长希望更多的年轻人由此对历史产生兴趣。",
    ),
    "Japanese": (
        "港湾局は月曜日、新しいコンテナ埠頭が来年の春に完成すると発表した。年間三百万個の貨物を扱えるようになるという。"
        "局長は工事が順調に進んでいると述べた。地元の漁師たちは航路が狭くなることを心配しており、着工の前に話し合いの場を"
        "設けるよう求めている。市は月末までに環境調査の結果を公表する予定だ。",
        {"発表した": "明らかにした", "心配して": "懸念して", "予定だ": "方針だ"},
        "国立図書館は昨日、これまで公開されたことのない古い地図を展示した。最も古いものは四百年前に描かれたという。"
        "研究者たちは六年をかけて地図を修復し、すべてを電子化した。展示は九月末まで続き、学生は無料で入場できる。",
    ),
    "Thai": (
        "การท่าเรือประกาศเมื่อวันจันทร์ว่าท่าเทียบเรือตู้สินค้าแห่งใหม่จะเปิดใช้งานในฤดูใบไม้ผลิปีหน้า และจะรองรับตู้สินค้าได้ปีละสามล้านตู้ "
        "ผู้อำนวยการกล่าวว่างานก่อสร้างคืบหน้าไปด้วยดี ชาวประมงในพื้นที่กังวลว่าร่องน้ำที่แคบลงจะกระทบต่อการทำมาหากิน จึงขอให้มีการหารือก่อนเริ่มงาน",
        {"ประกาศ": "แถลง", "กล่าวว่า": "ระบุว่า", "กังวล": "เกรง"},
        "หอสมุดแห่งชาตินำแผนที่โบราณที่ไม่เคยเปิดเผยมาก่อนออกแสดงเมื่อวานนี้ แผนที่ฉบับเก่าที่สุดวาดขึ้นเมื่อสี่ร้อยปีก่อน "
        "นักวิจัยใช้เวลาหกปีในการซ่อมแซมและทำสำเนาดิจิทัลทั้งหมด นิทรรศการจัดถึงสิ้นเดือนกันยายน นักเรียนเข้าชมได้โดยไม่เสียค่าใช้จ่าย",
    ),
    "Lao": (
        "ອົງການທ່າເຮືອໄດ້ປະກາດໃນວັນຈັນວ່າທ່າເຮືອໃໝ່ຈະເປີດໃຊ້ໃນປີໜ້າ ແລະຈະຮອງຮັບສິນຄ້າໄດ້ປີລະສາມລ້ານຕູ້ "
        "ຜູ້ອຳນວຍການກ່າວວ່າການກໍ່ສ້າງກ້າວໜ້າໄປດ້ວຍດີ ຊາວປະມົງໃນທ້ອງຖິ່ນມີຄວາມກັງວົນກ່ຽວກັບການດຳລົງຊີວິດຂອງພວກເຂົາ",
        {"ປະກາດ": "ແຈ້ງ", "ກ່າວວ່າ": "ເວົ້າວ່າ"},
        "ຫໍສະໝຸດແຫ່ງຊາດໄດ້ວາງສະແດງແຜນທີ່ບູຮານທີ່ບໍ່ເຄີຍເປີດເຜີຍມາກ່ອນ ນັກຄົ້ນຄວ້າໃຊ້ເວລາຫົກປີໃນການສ້ອມແປງ "
        "ງານວາງສະແດງຈະມີໄປຮອດທ້າຍເດືອນກັນຍາ ນັກຮຽນເຂົ້າຊົມໄດ້ໂດຍບໍ່ເສຍຄ່າ",
    ),
    "Khmer": (
        "អាជ្ញាធរកំពង់ផែបានប្រកាសនៅថ្ងៃច័ន្ទថាចំណតកុងតឺន័រថ្មីនឹងបើកដំណើរការនៅឆ្នាំក្រោយ ហើយអាចទទួលទំនិញបានបីលានកុងតឺន័រក្នុងមួយឆ្នាំ "
        "នាយកបាននិយាយថាការសាងសង់ដំណើរការល្អ អ្នកនេសាទក្នុងតំបន់បារម្ភពីជីវភាពរបស់ពួកគេ",
        {"ប្រកាស": "ជូនដំណឹង", "និយាយថា": "បញ្ជាក់ថា"},
        "បណ្ណាល័យជាតិបានដាក់តាំងបង្ហាញផែនទីបុរាណដែលមិនធ្លាប់បង្ហាញពីមុនមក អ្នកស្រាវជ្រាវបានចំណាយពេលប្រាំមួយឆ្នាំដើម្បីជួសជុល "
        "សិស្សអាចចូលមើលដោយមិនគិតថ្លៃរហូតដល់ចុងខែកញ្ញា",
    ),
    "Burmese": (
        "ဆိပ်ကမ်းအာဏာပိုင်က ကွန်တိန်နာဆိပ်ခံတံတားအသစ်ကို လာမည့်နှစ်တွင် ဖွင့်လှစ်မည်ဟု တနင်္လာနေ့တွင် ကြေညာခဲ့သည်။ "
        "တစ်နှစ်လျှင် ကုန်သေတ္တာ သုံးသန်း လက်ခံနိုင်မည်ဖြစ်သည်။ ဒေသခံ ငါးဖမ်းသမားများက ၎င်းတို့၏ အသက်မွေးမှုအတွက် စိုးရိမ်နေကြသည်။",
        {"ကြေညာ": "ထုတ်ပြန်", "စိုးရိမ်": "ပူပန်"},
        "အမျိုးသားစာကြည့်တိုက်သည် ယခင်က မပြသဖူးသော ရှေးဟောင်းမြေပုံများကို မနေ့က ပြသခဲ့သည်။ သုတေသီများသည် ခြောက်နှစ်ကြာ "
        "ပြုပြင်ခဲ့ကြသည်။ ကျောင်းသားများ အခမဲ့ ဝင်ရောက်ကြည့်ရှုနိုင်သည်။",
    ),
}


def post(key: str, title: str, body: str) -> Post:
    return Post(key=key, title=title, body=body, source=key, url=f"https://{key}.example/story")


def rewrite(text: str, words: dict[str, str]) -> str:
    for old, new in words.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("language", TEXTS)
def test_c22_nearly_the_same_text_is_a_duplicate(language: str) -> None:
    text, words, other = TEXTS[language]
    title = text[:12]
    kept, left_out = find_duplicates(
        [post("a", title, text), post("b", title, rewrite(text, words)), post("c", title, other)], ()
    )
    assert [one.key for one in kept] == ["a", "c"]
    assert left_out[0].post.key == "b"
    assert left_out[0].likeness < 1


@pytest.mark.parametrize("language", TEXTS)
def test_c22_one_word_changed_is_a_duplicate_under_any_title(language: str) -> None:
    text, words, other = TEXTS[language]
    once = rewrite(text, dict(list(words.items())[:1]))
    kept, _ = find_duplicates([post("a", text[:12], text), post("b", other[:12], once)], ())
    assert [one.key for one in kept] == ["a"]


def test_c22_texts_about_other_things_are_kept() -> None:
    posts = [
        post(f"{language.lower()}{n}", text[:12], text)
        for language, texts in TEXTS.items()
        for n, text in enumerate((texts[0], texts[2]))
    ]
    assert find_duplicates(posts, ())[1] == ()


@pytest.mark.parametrize(
    "few",
    [
        "请看下面的视频。",
        "動画は下をご覧ください。",
        "ชมวิดีโอด้านล่างนี้",
        "ເບິ່ງວິດີໂອຂ້າງລຸ່ມນີ້",
        "សូមមើលវីដេអូខាងក្រោម",
        "အောက်ပါ ဗီဒီယိုကို ကြည့်ပါ။",
    ],
)
def test_c22_a_few_words_alone_say_nothing(few: str) -> None:
    assert find_duplicates([post("a", "Elections in Tbilisi", few), post("b", "Floods in Baku", few)], ())[1] == ()
    assert len(find_duplicates([post("a", "Floods in Baku", few), post("b", "Floods in Baku!", few)], ())[1]) == 1


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("中国与EU 2025年", ["中", "国", "与", "eu", "2025", "年"]),
        ("ชี้แจง", ["ชี้", "แ", "จ", "ง"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("हिन्दी समाचार", ["हिन्दी", "समाचार"]),
        ("اللُّغَة العَرَبِيَّة", ["اللُّغَة", "العَرَبِيَّة"]),
        ("don’t über-all_1", ["don", "t", "über", "all", "1"]),
        ("。、！", []),
        ("ﾆｭｰｽ", ["ニ", "ュ", "ー", "ス"]),
    ],
)
def test_a_text_is_taken_apart_into_words_and_characters(text: str, units: list[str]) -> None:
    assert fold_units(text) == units


@pytest.mark.parametrize(
    ("text", "count", "weight"),
    [("", 0, 0), ("– . 。", 0, 0), ("two words", 2, 2), ("中国与EU", 4, 2), ("ไทย", 3, 1), ("한국어 단어", 2, 2)],
)
def test_c22_words_are_counted_as_people_count_them(text: str, count: int, weight: int) -> None:
    assert number_of_words(text) == count
    assert weigh_words(fold_units(text)) == weight


def test_c22_the_words_of_a_markdown_text_are_counted_so_too() -> None:
    assert count_words("**中国**与[EU](https://e.org/)。\n\n- Two words\n") == 6
