{{ accepted('bianban.jiguan') }}
