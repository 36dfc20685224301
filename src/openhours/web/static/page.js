// What pages do beyond links and forms. Each part looks for its own elements and does nothing else.
import { keepFresh } from "./live.js";
import { saveZone } from "./zone.js";
import { watchGenerate, watchReport } from "./report.js";
import { watchFile, watchUpload } from "./upload.js";
import { explainWeeks } from "./week.js";
import { offerCopies } from "./copy.js";
import { runClocks } from "./timer.js";

saveZone();
keepFresh(explainWeeks);
watchGenerate();
watchReport();
watchUpload();
watchFile();
explainWeeks();
offerCopies();
runClocks();
