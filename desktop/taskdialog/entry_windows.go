package taskdialog

import "github.com/keybroker/keybroker/desktop/question"

func showEntry(q question.Question, gone <-chan struct{}) question.Answer { panic("todo") }
