"""Words about permission in the names and cells of columns, by language: tables only. `permission.py` reads with them.

Every entry is written without accents of its own (all text is folded before it is compared, `systems.fold`). It stands for
a word that begins with it; `.` at its end: for the whole word; `~` at its beginning: for a part of a word, which is how
compounds and scripts without blanks are written. Several words stand for these words in a row.
"""

from collections.abc import Mapping

# Somebody does not want mail. A yes, a time or a number in such a column means: no mail.
LEFT: Mapping[str, str] = {
    "en": "stop., not interested, no thanks, dnm., unwanted, gone., opted off,"
    "unsub, un subscri, ~optout, opt out, opts out, opted out, opting out, opt outs, do not e mail,"
    "do not email, do not mail, do not contact, do not send, do not disturb, do not allow, do not market,"
    "do not bulk, donotemail, donotcontact, donotmail, donotsend, dont email, dont mail, dont contact,"
    "dont send, don t email, don t mail, don t contact, don t send, dnc., dne., no email, no e mail, no mail,"
    "nomail, no bulk, no newsletter, no marketing, no contact, never email, never mail, never contact, block.,"
    "blocked, blocking, blocklist, block list, blacklist, black list, denylist, deny list, suppress,"
    "is excluded, excluded from, revoked, revocation, withdrew, withdrawn, withdrawal of consent, objected,"
    "objection, opposed, left at, left on, left list, stop time, stopped at, deleted at, removed at,"
    "cancelled at, canceled at, global stop, not opted in, not subscribed, not opt in, no consent,"
    "no permission, not permitted, not allowed, without consent, not consented",
    "de": "~sperre, austritt, ausgetreten, unerwunscht, nicht erwunscht, kein interesse,"
    "~abgemeldet, ~abmeld, abbestell, ~abbestellt, ausgetragen, austrag, ~gesperrt, sperrlist, sperrverm,"
    "sperrdatum, sperrkennzeichen, ~werbesperre, ~mailsperre, ~kontaktsperre, ~werbeverbot, widerruf,"
    "~widerspruch, widersprochen, ~kontaktverbot, kein newsletter, keinen newsletter, keine werbung, keine mail,"
    "keine e mail, keine email, keine kontaktaufnahme, nicht kontaktieren, nicht anschreiben, nicht mailen,"
    "nicht senden, keine einwilligung, gekundigt, kundigung, ausgeschlossen, robinson",
    "fr": "pas interess, non souhait, desactivation de l abonnement,"
    "desabonn, desinscri, desinscript, ne pas contacter, ne pas envoyer, ne pas solliciter,"
    "ne plus contacter, ne plus envoyer, bloque, liste noire, blacklist, liste rouge, opposition, oppose,"
    "refuse, refus, retrait du consentement, resili, sans consentement, pas de newsletter, pas d e mail,"
    "pas d email, stop pub, bloctel",
    "es": "oposicion, no interesa, no deseado,"
    "baja., bajas., dado de baja, dada de baja, fecha de baja, fecha baja, desuscri, desinscri, cancelo,"
    "cancelad, no contactar, no enviar, no desea, no quiere, no acepta, bloquead, lista negra, lista robinson,"
    "excluid, sin consentimiento, sin permiso, revocad, darse de baja, desapunt",
    "it": "non gradit, non interess, recess,"
    "disiscri, disiscrizione, cancellat, cancellazione, non contattare, non inviare, non desidera,"
    "non iscritt, bloccat, lista nera, revocat, revoca, rifiut, escluso, senza consenso, disdett, opposizione",
    "pt": "nao perturb, nao interess, oposicao, saida,"
    "descadastr, desinscri, dessubscri, cancelou, cancelad, cancelamento, nao contactar, nao contatar,"
    "nao enviar, nao deseja, nao quer, nao aceita, bloquead, lista negra, excluid, removid, sem consentimento,"
    "anulad, revogad, optou por sair",
    "nl": "ongewenst, niet interess,"
    "uitgeschrev, uitschrijf, afgemeld, afmeld, opgezegd, opzegg, niet mailen, niet contacteren,"
    "niet benaderen, geen mail, geen e mail, geen email, geen nieuwsbrief, geblokkeerd, zwarte lijst,"
    "ingetrokken, bezwaar, geen toestemming, uitgesloten",
    "sv": "avregistrer, avprenumer, avanmal, avslutad, avslutat, kontakta inte, skicka inte, inga utskick,"
    "ingen e post, inget nyhetsbrev, blockerad, sparrad, sparrlista, svartlist, nix, aterkalla, ej samtycke,"
    "avbojt",
    "da": "afmeldt, afmeld, framelding, frameldt, kontakt ikke, send ikke, ingen mail, ingen nyhedsbrev,"
    "intet nyhedsbrev, blokeret, sortlist, tilbagetrukket, intet samtykke, avmeldt, avmeld, ikke kontakt,"
    "ikke send, ingen e post, blokkert, svartelist, reservert, reservasjon, trukket",
    "fi": "peruut, peruttu, irtisan, ei saa lahettaa, ei postia, ei uutiskirje, markkinointikielto,"
    "suoramarkkinointikielto, kielto, estetty, mustalista, poistunut, ei suostumusta, ala laheta",
    "pl": "wypisan, wypis, wyrejestrowan, rezygn, rezygnacja, nie wysyl, nie kontakt, bez zgody, brak zgody,"
    "cofnie, wycofan, cofnal, zablokowan, czarna list, sprzeciw, odsubskryb, anulowan",
    "cs": "odhlas, odhlasen, odhlase, neposil, nezasil, nekontakt, bez souhlasu, odvolan, odvolal, zablokovan,"
    "cerna listina, zruse, nesouhlas, zakaz, vyradit, vyrazen",
    "sk": "odhlas, odhlasen, neposiel, nezasiel, bez suhlasu, odvolan, zablokovan, cierna listina, nesuhlas",
    "hu": "leiratkoz, lemond, letilt, ne kuld, ne keress, nem kuld, feketelist, tiltolist, visszavon,"
    "nincs hozzajarul, kijelentkez",
    "ro": "dezabon, dezabonat, nu contacta, nu trimite, blocat, lista neagra, retras, fara consimtamant, refuz",
    "hr": "odjav, odjavljen, ne slati, ne kontaktir, blokiran, crna lista, povucen, bez privole",
    "tr": "abonelikten cik, ayrildi, ayrilma, iptal, engellendi, engelli mi, kara liste, karaliste,"
    "e posta gonderme, gondermeyin, izin yok, izinsiz, reddet, vazgec, cikis tarihi, listeden cik",
    "id": "berhenti, berlangganan berhenti, jangan kirim, jangan hubungi, diblokir, daftar hitam, keluar dari,"
    "tidak berlangganan",
    "vi": "huy dang ky, da huy, khong gui, khong lien he, bi chan, danh sach den, tu choi",
    "el": "διαγραφ, διεγραφ, απεγγραφ, μην στελν, μη στελν, να μην, μαυρη λιστα, αποκλεισ, μπλοκαρ, ανακλη,"
    "χωρις συγκαταθεση, απορριψ",
    "ru": "не интерес, не нужно, нежелат,"
    "отписа, отписк, отказ, не беспоко, не отправ, не писать, не присыл, не рассыл, заблокир,"
    "черный список, черном списке, стоп лист, стоплист, отозва, отозван, исключен, исключить, без согласия,"
    "нет согласия, удален из рассылки",
    "uk": "відписа, відписк, відмов, не турбув, не надсил, не писати, заблок, чорний список, відклика, виключен,"
    "без згоди",
    "bg": "отписан, отписване, отказ, не изпращ, блокиран, черен списък, оттегл, без съгласие",
    "ja": "~配信停止, ~配信解除, ~購読解除, ~購読停止, ~退会, ~解除, ~停止, ~オプトアウト, ~拒否, ~ブロック,"
    "~送信不可, ~配信不可, ~除外, ~ブラックリスト, ~受信拒否, ~登録解除, ~不要, ~希望しない",
    "zh": "~退订, ~退訂, ~取消订阅, ~取消訂閱, ~拒收, ~拒绝, ~拒絕, ~黑名单, ~黑名單, ~屏蔽, ~封鎖, ~停止发送,"
    "~停止發送, ~不接收, ~勿扰, ~勿擾, ~不发送, ~不發送, ~注销, ~註銷, ~已删除, ~已刪除, ~不同意",
    "ko": "~수신거부, ~수신 거부, ~구독취소, ~구독 취소, ~구독해지, ~구독 해지, ~해지, ~탈퇴, ~차단,"
    "~블랙리스트, ~발송제외, ~거부, ~옵트아웃, ~중지, ~미동의",
    "ar": "إلغاء, الغاء, مرفوض,"
    "الغاء الاشتراك, إلغاء الاشتراك, ~الغى, ألغى الاشتراك, الغي, ملغى, رفض, محظور, حظر, القائمة السوداء,"
    "لا ترسل, عدم الازعاج, عدم الإرسال, عدم الاتصال, غير مشترك, منسحب, انسحاب, بدون موافقة",
    "he": "הסר,"
    "הוסר, הסרה, ביטול הרשמה, ביטל, בוטל, לא לשלוח, אין לשלוח, לא ליצור קשר, חסום, חסימה, רשימה שחורה,"
    "סירב, סירוב, התנגד, ללא הסכמה, הסיר, תאריך הסרה, לא מעוניין",
}

BOUNCED: Mapping[str, str] = {
    "en": "bounc, hard bounce, undeliver, non deliver, nondeliver, ndr., unreachable, invalid e mail,"
    "invalid email, email invalid, e mail invalid, invalid address, bad address, bad email, is bad,"
    "email is bad, email1 is bad, mailbox not, cleaned, clean time, returned mail, email error, delivery failed,"
    "delivery failure, spamtrap, spam trap",
    "de": "unzustellbar, ruckläufer, rucklaufer, zustellfehler, nicht zustellbar, unerreichbar,"
    "ungultige adresse, ungultige e mail",
    "fr": "npai, rejete, non distribu, adresse invalide, email invalide, e mail invalide, rebond, non delivr",
    "es": "rebot, no entregad, direccion invalida, correo invalido, email invalido, devuelt",
    "it": "rimbalz, non consegnat, indirizzo non valido, email non valid, respint",
    "pt": "rejeitad, devolvid, nao entregue, endereco invalido, email invalido",
    "nl": "onbestelbaar, niet bezorg, ongeldig adres, ongeldige e mail, gebounced",
    "sv": "studs, studsat, ej levererad, olevererad, ogiltig adress, ogiltig e post",
    "da": "afvist, ikke leveret, ugyldig adresse, ugyldig mail, ikke levert, ugyldig e post",
    "fi": "palautunut, ei toimitettu, virheellinen osoite, virheellinen sahkoposti",
    "pl": "odbit, niedostarcz, bledny adres, nieprawidlowy adres",
    "cs": "nedoruc, vracen, neplatna adresa, neplatny e mail",
    "hu": "visszapattan, kezbesithetetlen, ervenytelen cim",
    "tr": "geri don, teslim edilem, gecersiz adres, gecersiz e posta",
    "ru": "недостав, не достав, возврат, отскок, недействительный адрес, неверный адрес, несуществующ",
    "uk": "недоставл, не доставл, повернен, недійсна адреса",
    "el": "αναπηδ, επιστροφη, μη παραδοτε, ακυρη διευθυνση",
    "ja": "~バウンス, ~不達, ~エラーメール, ~配信エラー, ~未達, ~宛先不明",
    "zh": "~退信, ~硬退, ~弹回, ~彈回, ~无法送达, ~無法送達, ~无效邮箱, ~無效, ~无效地址",
    "ko": "~반송, ~바운스, ~발송실패, ~전송실패",
    "ar": "مرتد, ارتداد, تعذر التسليم, عنوان غير صالح",
    "he": "חזר, לא נמסר, כתובת שגויה, כתובת לא תקינה",
}

COMPLAINED: Mapping[str, str] = {
    "en": "complain, spam complaint, reported spam, reported as spam, marked as spam, marked spam, spam report,"
    "spamreport, abuse, junk, is spam, spam., feedback loop, fbl.",
    "de": "beschwerde, beschwert, spam beschwerde, als spam",
    "fr": "plainte, signale comme spam, signalement",
    "es": "queja, denuncia, denunciad, marcado como spam",
    "it": "reclam, segnalat come spam, segnalazion",
    "pt": "reclam, denuncia, marcado como spam, queixa",
    "nl": "klacht, als spam",
    "sv": "klagomal, klagat, anmald som spam",
    "da": "klage, klaget, markeret som spam, merket som spam",
    "pl": "skarga, skargi, zglosil spam",
    "ru": "жалоб, пожалов",
    "uk": "скарг",
    "ja": "~苦情, ~迷惑メール, ~スパム報告",
    "zh": "~投诉, ~投訴, ~举报, ~舉報, ~垃圾邮件, ~垃圾郵件",
    "ko": "~스팸신고, ~스팸 신고, ~불만",
    "ar": "شكوى, بريد مزعج",
    "he": "תלונה, דואר זבל, ספאם",
}

# Somebody was asked and has not answered yet.
WAITING: Mapping[str, str] = {
    "en": "pending, unconfirmed, unverified, unactivated, not confirmed, not verified, not yet confirmed, awaiting, waiting for",
    "de": "ausstehend, unbestatigt, nicht bestatigt, wartet auf",
    "fr": "en attente, non confirme, pas confirme",
    "es": "pendiente, no confirmad, sin confirmar",
    "it": "in attesa, non confermat, da confermare",
    "pt": "pendente, nao confirmad",
    "nl": "in afwachting, onbevestigd, niet bevestigd",
    "sv": "obekrafta, vantar",
    "da": "afventer, ubekraeft, ikke bekraeft, ubekreft, ikke bekreft",
    "fi": "vahvistamat, odottaa",
    "pl": "oczekuj, niepotwierdz",
    "cs": "nepotvrz, ceka na",
    "hu": "fuggoben, megerositesre var",
    "tr": "beklem, onaysiz",
    "el": "εκκρεμ, ανεπιβεβαι",
    "ru": "ожида, неподтвержд, не подтвержд",
    "uk": "очіку, непідтвердж",
    "ja": "~未確認, ~保留, ~仮登録",
    "zh": "~待确认, ~待確認, ~未确认, ~未確認, ~待验证",
    "ko": "~미확인, ~대기",
    "ar": "قيد الانتظار, غير مؤكد",
    "he": "ממתין, לא אומת",
}

# Somebody wants mail. A no, or nothing beside the yes of others, means: no mail.
WANTED: Mapping[str, str] = {
    "en": "updates., news., enews, e news, bulletin, signup, keep in touch, stay in touch,"
    "stay informed, hear from, list member, nl.,"
    "subscri, is subscri, ~optin, opt in, opts in, opted in, opting in, opt ins, consent, permission,"
    "permitted, accepts e mail, accepts email, accepts marketing, accept marketing, accepts newsletter,"
    "accept newsletter, accepts mail, acceptsemail, acceptsmarketing, accept e mail, accept email,"
    "accepted marketing, allow e mail, allow email, allow mail, allow marketing, allow bulk, allow contact,"
    "allow newsletter, allows, allowed, allowemail, agree, agreed, agreement to mail, newsletter, news letter,"
    "mailing list, mailinglist, marketing, email list, gdpr, may we, can we, shall we, we may,"
    "may email, may e mail, may contact, may mail,"
    "can email, can e mail, can contact, can mail, can receive, can be emailed, can be contacted, contactable,"
    "mailable, emailable, ok to email, ok to e mail, ok to contact, ok to mail, okay to email, email ok,"
    "wants e mail, wants email, wants mail, wants news, wants newsletter, want e mail, want email, want mail,"
    "want news, receive e mail, receive email, receive mail, receive news, receive marketing,"
    "receive newsletter, receives, receive offers, receive updates, receive promotions, send e mail, send email,"
    "send mail, send me, send news, get email, get news, gets email, e mail preference, email preference,"
    "mail preference, marketing preference, communication preference, contact preference,"
    "notification preference, delivery mode, promotional, promotions, promos., active., is active, isactive,"
    "enabled, sign up for, signed up for, mail me, email me, join list, joined list, email updates, keep me,"
    "keep informed, campaigns., email campaigns, enrolled, legal basis, lawful basis",
    "de": "~verteiler, rundschreib, infobrief, infomail, infopost, erwunscht, benachrichtig,"
    "~newsletter, ~rundbrief, ~einwillig, ~zustimmung, zugestimmt, erlaubnis, erlaubt, ~abonn,"
    "~angemeldet, ~anmeld, eingetragen, ~werbung, ~werbeerlaubnis, werbe, ~mailing, e mail erlaubt,"
    "mail erlaubt, darf, aktiv., ist aktiv, aktiviert, empfang, datenschutz, dsgvo, kontakterlaubnis,"
    "permission, eingewilligt",
    "fr": "communications, actualites, offres, nouvelles,"
    "abonn, inscrit, inscript, consent, accord, accepte, acceptation, autoris, souhaite, recoit, recevoir,"
    "lettre d information, lettre d info, infolettre, newsletter, optin, opt in, rgpd, actif, active., mailing,"
    "prospection, sollicit, pub.",
    "es": "comunicacion, noticias, novedades,"
    "suscri, subscri, inscrit, consent, acepta, acept, autoriz, permis, permite, desea, quiere, recib,"
    "boletin, newsletter, publicidad, promocion, rgpd, lopd, activo, activa., alta., fecha de alta, mailing",
    "it": "comunicazion, novita, gradit,"
    "iscri, iscrizion, consens, autorizz, permess, accett, desidera, vuole, ricev, newsletter, notiziario,"
    "bollettino, promozion, pubblicit, attivo, attiva., privacy, gdpr, mailing",
    "pt": "comunicac, novidades, noticias,"
    "inscri, inscrit, assina, assinante, subscri, consent, autoriz, permiss, permite, aceit, deseja,"
    "quer., receb, boletim, newsletter, informativo, promoc, publicidade, lgpd, ativo, ativa., activo, activa.,"
    "mailing",
    "nl": "mag., benader,"
    "~ingeschreven, inschrijv, aangemeld, aanmeld, abonn, toestemming, akkoord, ~nieuwsbrief, wil., wenst,"
    "ontvang, mailing, reclame, actief, mag mailen, mag gemaild",
    "sv": "prenumer, ~nyhetsbrev, samtycke, godkan, tillat, tillstand, vill ha, onskar, ta emot, utskick,"
    "reklam, aktiv., anmald, gdpr",
    "da": "tilmeldt, tilmeld, abonn, ~nyhedsbrev, samtykke, accepter, godkend, tillad, onsker, modtag, reklame,"
    "aktiv., pameldt, pamelding, ~nyhetsbrev, samtykk, tillat, godta, motta, gdpr, markedsforing",
    "fi": "tiedote, tiedotteet,"
    "tilaa, tilannut, tilaus, uutiskirje, suostumus, lupa, markkinointilupa, sallit, hyvaksy, haluaa,"
    "vastaanot, aktiivi, voimassa",
    "pl": "zapisan, zapis, subskryb, subskrypc, zgoda, zgody, wyrazil, akceptuj, newsletter, biuletyn, chce,"
    "otrzym, marketing, aktywn, rodo",
    "cs": "prihlas, odber, odebir, souhlas, novinky, zpravodaj, newsletter, chce., zasil, dostavat, marketing,"
    "aktiv, gdpr, povolen",
    "sk": "prihlas, odber, odobera, suhlas, novinky, newsletter, zasiel, marketing, aktiv, gdpr, povolen",
    "hu": "feliratkoz, hirlevel, hozzajarul, beleegyez, engedely, elfogad, marketing, aktiv, gdpr",
    "ro": "abonat, abonare, consimt, acord, accept, permis, doreste, primeste, buletin, newsletter, marketing,"
    "activ., gdpr",
    "hr": "prijav, pretplat, privola, pristan, suglas, dozvol, newsletter, zeli, marketing, aktiv",
    "tr": "izni, haber,"
    "abone, bulten, e bulten, izin, onay, kabul, riza, ister, almak, pazarlama, kampanya, aktif, kvkk, iys",
    "id": "berlangganan, langganan, persetujuan, setuju, izin, buletin, menerima, pemasaran, aktif",
    "vi": "dang ky, dong y, cho phep, ban tin, nhan tin, tiep thi, hoat dong",
    "el": "εγγραφ, εγγεγραμ, συνδρομ, συγκαταθεση, συναινεση, αποδοχ, επιτρεπ, ενημερωτικ, newsletter, θελ,"
    "λαμβαν, ενεργ",
    "ru": "новости, письма,"
    "подписк, подписа, согласи, согласен, согласна, разреш, рассылк, новостн, хочет, получать, реклам,"
    "активн, активен, активна",
    "uk": "підписк, підписа, згод, дозвіл, дозволе, розсилк, новин, хоче, отримув, реклам, активн",
    "bg": "абонам, абонир, съглас, разреш, бюлетин, новини, получав, реклам, активен",
    "ja": "~購読, ~登録, ~同意, ~許可, ~メルマガ, ~ニュースレター, ~希望, ~受信, ~配信, ~オプトイン, ~承諾, ~有効",
    "zh": "~订阅, ~訂閱, ~同意, ~许可, ~許可, ~允许, ~允許, ~接收, ~接受, ~新闻, ~電子報, ~电子报, ~推广, ~推廣,"
    "~营销, ~行銷, ~启用, ~啟用, ~有效, ~激活, ~授权, ~授權",
    "ko": "~구독, ~동의, ~수신, ~허용, ~뉴스레터, ~소식지, ~마케팅, ~희망, ~활성, ~승인",
    "ar": "اشتراك, مشترك, موافق, إذن, اذن, سماح, يسمح, نشرة, النشرة, تسويق, استلام, يرغب, نشط, مفعل",
    "he": "מנוי, רשום, הרשמה, הסכמה, הסכים, אישור, אישר, מאשר, מותר, ניוזלטר, דיוור, מעוניין, לקבל, שיווק, פעיל",
}

# Somebody proved that the address is theirs. A no means: not yet.
CONFIRMED: Mapping[str, str] = {
    "en": "confirm, verified, is verified, verification, validated, email verified, double opt in, double optin,"
    "doi., activated",
    "de": "~bestatigt, bestatigung, verifiziert, freigeschaltet, aktiviert",
    "fr": "confirm, verifi, valide",
    "es": "confirm, verific, validad",
    "it": "conferm, verific",
    "pt": "confirm, verific, validad",
    "nl": "bevestig, geverifieerd",
    "sv": "bekrafta, verifierad",
    "da": "bekraeft, bekreft, verificeret, verifisert",
    "fi": "vahvist",
    "pl": "potwierdz, zweryfikow",
    "cs": "potvrz, overen",
    "hu": "megerosit, ellenorzott",
    "tr": "dogrula, dogrulan, teyit",
    "el": "επιβεβαι",
    "ru": "подтвержд, подтвержен, подтверд",
    "uk": "підтвердж",
    "ja": "~確認, ~認証",
    "zh": "~确认, ~確認, ~验证, ~驗證",
    "ko": "~확인, ~인증",
    "ar": "تأكيد, مؤكد, توثيق",
    "he": "אומת, אימות",
}

STATUS: Mapping[str, str] = {
    "en": "status, state., subscriber state, email state, suppression reason, disposition",
    "de": "~status, ~zustand",
    "fr": "statut, etat.",
    "es": "estado, situacion, estatus",
    "it": "stato, condizione",
    "pt": "estado, situacao, status",
    "nl": "status, toestand",
    "fi": "tila., tilanne",
    "pl": "stan., status",
    "cs": "stav., status",
    "hu": "allapot, statusz",
    "ro": "stare, starea, status",
    "tr": "durum, durumu, statu",
    "vi": "trang thai",
    "el": "κατασταση",
    "ru": "статус, состояни",
    "uk": "статус, стан.",
    "bg": "статус, състояние",
    "ja": "~ステータス, ~状態, ~状況",
    "zh": "~状态, ~狀態",
    "ko": "~상태",
    "ar": "حالة, الحالة, الوضع",
    "he": "סטטוס, מצב",
}

# A word that turns what follows into its opposite.
NOT = (
    "not, no, non, never, without, dont, isnt, nicht, kein, keine, keinen, ohne, ne pas, pas, sans, sin, senza,"
    "nunca, nao, sem, niet, geen, zonder, inte, ej, ikke, ingen, intet, inga, ei, eivat, ilman, nie, bez, brak,"
    "ne, neni, nem, nincs, nu, fara, nema, yok, degil, tidak, belum, khong, chua, δεν, χωρις, οχι, не, без, нет,"
    "ні, немає, לא, ללא, אין, غير, لا, بدون, ليس"
)

# Ways of being reached that are not mail by the internet: a yes or a no for them says nothing about ours.
OTHER_CHANNELS = (
    "sms, text message, texts, phone, telephone, call, calls, telefon, anruf, anrufe, mobile, mobil, handy,"
    "whatsapp, telegram, viber, line, push, web push, fax, telefax, postal, post, direct mail, print, brief,"
    "postweg, courrier, poste, carta, postale, correo postal, telefone, telefono, llamadas, appel, appels,"
    "telephonique, puhelin, telefoonnummer, voicemail, mms, telemarketing, cookies, cookie, app"
)
MAIL_WORDS = (
    "mail, e mail, email, mails, emails, e mails, newsletter, courriel, correo electronico, epost,"
    "e post, sahkoposti, email marketing"
)

# What a column tells beside permission itself: whose cells are free texts or numbers that decide nothing by themselves.
ABOUT = (
    "id, ids, key, uuid, hash, token, url, link, href, plan, tier, price, amount, currency, product, page, form,"
    "list, lists, group, groups, segment, language, version, text, wording, terms, count., number, nr, score,"
    "rating, rate, type, kind, mode, method, channel, source, quelle, origin, via, referrer, utm, medium,"
    "campaign, kampagne, by, ip, agent, subject, owner, period, interval, frequency, renewal, expires, expiry,"
    "expiration, next, trial, total, paid, payment, revenue, mrr, fuente, origen, origine, fonte, bron, kalla,"
    "kilde, lahde, zrodlo, zdroj, forras, kaynak, источник, джерело, ip address, quiz, team, budget, spend,"
    "manager, agency, department, lead, qualified, interest, interests, topic, topics, last, letzte, letzter,"
    "dernier, derniere, ultimo, ultima, laatste, first, erste, open, opens, opened, click, clicks, clicked,"
    "sent, sends, delivered, views, engagement, replied, read"
)
# Columns of proper names: a town, a street or a company may be called anything.
PROPER_NAMES = (
    "city, street, zip, postcode, postal code, country, town, county, company, stadt, ort, strasse, plz, land,"
    "ville, rue, pays, ciudad, calle, pais, name, title, address, adresse, first name, last name, surname,"
    "organisation, organization, employer, province, region, job title, nom, prenom, nombre, apellido, empresa,"
    "societe, firma, vorname, nachname, bundesland, wohnort, город, страна, компания, улица, имя, фамилия"
)
# A text in such a column about leaving is why or how somebody left, so whoever has one left.
REASON = (
    "reason, reasons, cause, comment, feedback, explanation, detail, details, message, note, why, grund, grunde,"
    "begrundung, raison, motif, motivo, razon, causa, reden, orsak, anledning, arsag, syy, powod, duvod, ok.,"
    "sebep, neden, причина, причини, αιτια, λογος, 原因, 理由, 사유, سبب, סיבה, campaign, kampagne, source, quelle,"
    "method, by, via, ip, type, title, subject, origin, code, error, id, mode, status text, medium"
)
# Subjects whose state is about something else: an order that is cancelled has nothing to do with mail.
OTHER_SUBJECTS = (
    "order, orders, payment, payments, invoice, billing, shipping, shipment, delivery address, fulfillment,"
    "ticket, ticketing, booking, marital, civil, family, employment, job, work, tax, vat, credit, account type,"
    "deal, opportunity, lead, customer, lifecycle, project, task, visa, residence, citizenship, health, vip,"
    "patron, membership, member, charge, donation, pledge, refund, subscription plan, bestell, zahlung,"
    "rechnung, versand, familien, beruf, kunden, commande, paiement, facture, livraison, civilite, familial,"
    "pedido, pago, factura, envio, civil, ordine, pagamento, fattura, betaling, bestelling, order status,"
    "zamowien, platnosc, objednav, siparis, odeme, заказ, оплат, 注文, 支払, 订单, 訂單, 支付, 주문, 결제"
)

# Names that mean a part of a country as often as the state of somebody.
REGION = "state., estado, stato, etat., stare, starea, stan., province, provincia"

# --- cells ------------------------------------------------------------------------------------------------------------

YES = (
    "yes, y, true, t, 1, on, x, ok, okay, checked, ticked, ja, j, wahr, oui, vrai, coche, si, s, verdadero,"
    "cierto, vero, sim, verdadeiro, ja, waar, sant, sand, kylla, tosi, tak, prawda, ano, pravda, igen, igaz, da,"
    "adevarat, evet, dogru, ya, benar, dung, ναι, αληθες, да, истина, правда, так, はい, 有, 有り, あり, 是, 真,"
    "예, 네, 유, نعم, صحيح, כן, אמת"
)
NO = (
    "no, n, false, f, 0, off, unchecked, unticked, never, nein, falsch, nie, niemals, non, faux, jamais, falso,"
    "nunca, mai, nao, nee, onwaar, nooit, nej, nei, falskt, falsk, aldrig, aldri, ei, epatosi, falsz, ne,"
    "nepravda, nikdy, nem, hamis, soha, nu, fals, niciodata, hayir, yanlis, asla, tidak, bukan, khong, sai, οχι,"
    "ψευδες, ποτε, нет, ложь, никогда, ні, неправда, ніколи, не, いいえ, 無, 無し, なし, 否, 假, 아니요, 아니오,"
    "무, لا, خطأ, ابدا, לא, שקר, מעולם"
)
SYMBOLS: Mapping[str, bool] = {
    **dict.fromkeys("✓✔☑✅👍○〇◯●√+", True),
    **dict.fromkeys("✗✘✕×☐☒❌👎❎", False),
}
NOTHING = (
    "null, none, nil, n a, na, nan, undefined, unset, empty, keine angabe, k a, sin datos, unbekannt,"
    "0000 00 00, 0000 00 00 00 00 00"
)

# Whole cells. The words of names above are understood in cells too; these are those that stand in cells only.
CELLS: Mapping[str, str] = {
    "active": "active, subscribed, enabled, confirmed, opted in, opt in, optin, optedin, subscriber, allow,"
    "allowed, accepted, granted, accepts, express consent, confirmed opt in, single opt in, double opt in,"
    "deliverable, valid, mailable, sendable, reachable, contactable, aktiv, angemeldet, abonniert, eingetragen,"
    "bestatigt, zugestimmt, eingewilligt, erlaubt, abonnent, abonne, abonnee, inscrit, inscrite, actif,"
    "confirme, confirmee, accepte, autorise, suscrito, suscrita, activo, activa, alta, confirmado, aceptado,"
    "autorizado, iscritto, iscritta, attivo, attiva, confermato, autorizzato, inscrito, inscrita, ativo, ativa,"
    "assinante, ingeschreven, aangemeld, actief, bevestigd, prenumererar, prenumerant, bekraftad, tilmeldt,"
    "abonnerer, pameldt, bekreftet, tilaaja, tilattu, aktiivinen, zapisany, aktywny, potwierdzony, prihlasen,"
    "aktivni, feliratkozott, aktiv, abonat, abone, aktif, onayli, izinli, εγγεγραμμενος, ενεργος, подписан,"
    "подписана, активен, активна, активный, подтвержден, підписаний, активний, 購読中, 登録済み, 有効, 配信中,"
    "許可, 已订阅, 订阅, 有效, 启用, 已訂閱, 訂閱, 啟用, 同意, 구독중, 구독, 활성, 동의, مشترك, نشط, רשום, פעיל",
    "pending": "pending, unconfirmed, unactivated, unverified, validating, not confirmed, not verified,"
    "awaiting confirmation, waiting, invited, never subscribed, never opted in, not opted in, not subscribed,"
    "non subscribed, non subscriber, no consent, transactional, unknown, not set, no permission, in progress,"
    "ausstehend, unbestatigt, nicht bestatigt, wartend, nie angemeldet, nicht angemeldet, en attente,"
    "non confirme, non abonne, jamais inscrit, pendiente, no confirmado, no suscrito, in attesa, non confermato,"
    "non iscritto, pendente, nao confirmado, nao inscrito, in afwachting, onbevestigd, niet bevestigd, vantande,"
    "obekraftad, afventer, ikke bekraeftet, venter, odottaa, vahvistamaton, oczekuje, niepotwierdzony, ceka,"
    "nepotvrzen, megerositesre var, in asteptare, beklemede, onaysiz, εκκρεμει, ожидает, не подтвержден,"
    "неподтвержден, очікує, 未確認, 保留, 未确认, 未確認, 待确认, 미확인, 대기, معلق, ממתין",
    "unsubscribed": "unsubscribed, unsubscribe, opted out, opt out, optout, optedout, do not allow, not allowed,"
    "denied, blocklisted, blacklisted, suppressed, globally unsubscribed, no email, no mail, nomail,"
    "disabled by user, email disabled, removed by user, user opt out, revoked, withdrawn, declined, refused,"
    "not mailable, do not contact, do not email, do not mail, non mailable, abgemeldet, ausgetragen, abbestellt,"
    "gesperrt, widerrufen, abgelehnt, desabonne, desabonnee, desinscrit, desinscrite, dado de baja,"
    "dada de baja, baja, de baja, disiscritto, disiscritta, descadastrado, cancelado, cancelada, cancellato,"
    "cancellata, uitgeschreven, afgemeld, avregistrerad, avprenumererad, afmeldt, frameldt, avmeldt, peruutettu,"
    "peruttu, wypisany, odhlasen, leiratkozott, dezabonat, odjavljen, ayrildi, abonelikten cikti, izinsiz,"
    "διαγραφηκε, отписан, отписался, отписана, отписалась, відписаний, 配信停止, 退会, 解除, 購読解除, 拒否,"
    "退订, 已退订, 退訂, 取消订阅, 拒收, 수신거부, 구독취소, 해지, 탈퇴, ملغى, غير مشترك, محظور, הוסר, ביטל,"
    "לא רשום",
    "bounced": "bounced, bounce, hard bounced, hard bounce, hardbounce, soft bounced, soft bounce, softbounce,"
    "cleaned, undeliverable, unreachable, bouncing, nonexistent, disabled by bounces, on hold bounce,"
    "invalid email, mailbox full, dead, npai, unzustellbar, rebotado, rebote, rimbalzato, devolvido,"
    "onbestelbaar, studsad, odbity, nedorucitelny, недоставлен, バウンス, 不達, 退信, 반송, مرتد",
    "complained": "complained, complaint, complaints, spam complaint, complainer, reported spam,"
    "reported as spam, marked as spam, abuse, spam, spam report, junk, fbl, beschwerde, plainte, queja, reclamo,"
    "klacht, жалоба, 苦情, 投诉, 投訴",
}
# Cells that mean leaving where they are about mail, and something else where they are not.
DOUBTFUL = (
    "invalido, invalide, ungultig, ogiltig, ugyldig,"
    "inactive, disabled, removed, deleted, archived, cancelled, canceled, blocked, invalid, stopped, left,"
    "former, suspended, closed, expired, on hold, rejected, banned, excluded, deactivated, paused, inaktiv,"
    "deaktiviert, geloscht, gekundigt, inactif, inactive, supprime, annule, bloque, inactivo, inactiva,"
    "eliminado, bloqueado, inattivo, eliminato, bloccato, inativo, removido, excluido, inactief, verwijderd,"
    "geblokkeerd, borttagen, slettet, fjernet, poistettu, nieaktywny, usuniety, neaktivni, smazan, inaktiv,"
    "torolt, inactiv, sters, pasif, silindi, iptal, ανενεργος, неактивен, неактивный, удален, заблокирован,"
    "неактивний, видалений, 無効, 削除, 停止, 无效, 停用, 已删除, 禁用, 비활성, 삭제, غير نشط, محذوف, לא פעיל,"
    "נמחק"
)
