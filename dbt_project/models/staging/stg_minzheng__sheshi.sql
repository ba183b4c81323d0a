{{ accepted('minzheng.sheshi') }}
