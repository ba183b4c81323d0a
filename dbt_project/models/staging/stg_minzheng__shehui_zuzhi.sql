{{ accepted('minzheng.shehui_zuzhi') }}
