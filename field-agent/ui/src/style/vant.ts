// The styles of the parts that are used. Vant's icon font is left out on purpose: it would be fetched from a foreign host.
import 'vant/es/style/base.css'
import 'vant/es/button/index.css'
import 'vant/es/dialog/index.css'
import 'vant/es/loading/index.css'
import 'vant/es/overlay/index.css'
import 'vant/es/popup/index.css'
import 'vant/es/pull-refresh/index.css'
import 'vant/es/switch/index.css'
