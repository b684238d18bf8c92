package ready

var backends = []backend{
	{"epoll", newEpoll},
	{"poll", newPoll},
	{"pselect", newPselect},
	{"select", newSelect},
}
